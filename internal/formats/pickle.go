package formats

import (
	"bytes"
	"fmt"
)

// readPickle tells how a file of Python objects is wrapped. Its content is not
// looked at: what it would do is known only by doing it.
func readPickle(r *reader, d *Details) error {
	head, err := r.bytes(uint64(min(r.size, 512)), 512)
	if err != nil {
		return err
	}
	d.fact("Form", pickled(head))
	return nil
}

// pickled tells the form of a pickle by its first bytes, "" for what does not
// look like one.
func pickled(head []byte) string {
	switch {
	case len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5:
		return fmt.Sprintf("pickle, protocol %d", head[1])
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) && bytes.Contains(head, []byte("/data.pkl")):
		return "PyTorch archive with a pickle"
	case bytes.HasPrefix(head, []byte("PYTORCH\x00")):
		return "PyTorch, legacy"
	}
	return ""
}
