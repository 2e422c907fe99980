package clients

import "testing"

// TestSigning lets OpenSSF's model_signing sign what is pushed, and compares what
// it thinks of the files with what is told here.
func TestSigning(t *testing.T) {
	runPytest(t, start(t, bigDir(t)), venvPython(t, "signing"), "signing/test_signing.py")
}
