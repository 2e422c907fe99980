//go:build !unix

package cli

// surviveFileLimit does nothing: only Unix sends a signal.
func surviveFileLimit() {}
