package safety

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// pickled are the files of testdata/pickles.txt.
func pickled(t testing.TB) map[string][]byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/pickles.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for line := range strings.Lines(string(raw)) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		if all[name], err = hex.DecodeString(digits); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func scanned(t testing.TB, name string, content []byte) Report {
	t.Helper()
	r, err := Scan(context.Background(), name, bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told is a report in one text.
func told(r Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)", r.Verdict, r.Form)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "; %s: %s", f.Verdict, f.What)
	}
	return b.String()
}

// TestPickles holds the verdicts on what Python has written.
func TestPickles(t *testing.T) {
	all := pickled(t)
	for name, want := range map[string]string{
		"plain":       "safe",
		"numpy":       "safe",
		"system":      "unsafe … imports posix.system, which can do anything",
		"opcodes":     "unsafe … imports posix.system",
		"getattr":     "unsafe … getattr",
		"within":      "unsafe … posix.system, which can do anything, in a pickle within it",
		"partial":     "notice … imports functools.partial",
		"partial-bad": "unsafe … posix.system",
	} {
		for p := range 6 {
			n := fmt.Sprintf("%s-%d", name, p)
			if name == "within" && p < 3 {
				continue // these have no bytes: the pickle within is the text of a call
			}
			check(t, n, scanned(t, "model.pkl", all[n]), want)
		}
	}
	for name, want := range map[string]string{
		"sklearn-5":          "notice (pickle, protocol 5) … imports code of scikit-learn",
		"cloudpickle":        "suspicious … carries Python code of its own",
		"joblib":             "notice … imports code of scikit-learn",
		"joblib-zlib":        "notice (compressed (zlib): pickle, protocol 4) … imports code of scikit-learn",
		"joblib-gzip":        "notice (compressed (gzip): pickle, protocol 4) … imports code of scikit-learn",
		"joblib-objects":     "unsafe … posix.system",
		"joblib-behind":      "unsafe … posix.system",
		"joblib-hidden":      "unsafe … os.system, which can do anything, in the bytes of an array",
		"joblib-hidden-memo": "unsafe … os.system, which can do anything, in the bytes of an array",
		"memo":               "unsafe … os.system",
		"memo-put":           "unsafe … os.system",
		"escaped":            "suspicious … imports something whose name cannot be told",
		"inst":               "unsafe … os.system",
		"obj":                "unsafe … os.system",
		"newobj":             "unsafe … os.system",
		"ext":                "suspicious … registered under the number 5",
		"dotted":             "unsafe … numpy.f2py.os.sys",
		"build":              "suspicious … changes collections.OrderedDict",
		"cut":                "unsafe … could not be read to its end: it ends too early",
		"cut-plain":          "suspicious … could not be read to its end: it ends too early",
		"broken-behind":      "unsafe … unknown opcode 0xff",
		"two":                "unsafe … posix.system",
		"behind":             "suspicious … something behind its pickle",
		"frame":              "unsafe … os.system",
		"torch-legacy":       "safe (pickle, protocol 2)",
		"torch-legacy-bad":   "unsafe … posix.system",
	} {
		check(t, name, scanned(t, "model.pkl", all[name]), want)
	}
	for name, want := range map[string]string{
		"npy":         "safe (a NumPy array)",
		"npy-objects": "unsafe … posix.system",
		"npz":         "unsafe … posix.system, which can do anything, in b.npy",
		"npz-good":    "safe (a zip archive)",
	} {
		check(t, name, scanned(t, "a.npz", all[name]), want)
	}
}

// check compares a report with a text, of which "…" stands for anything.
func check(t *testing.T, name string, r Report, want string) {
	t.Helper()
	got, rest := told(r), ""
	for i, piece := range strings.Split(want, " … ") {
		at := strings.Index(got[len(rest):], piece)
		if at < 0 || i == 0 && at != 0 {
			t.Errorf("%s: %s, want %s", name, got, want)
			return
		}
		rest = got[:len(rest)+at+len(piece)]
	}
}

// TestNeverSafeWhenCut: however a pickle that runs something is cut, it is not
// called safe.
func TestNeverSafeWhenCut(t *testing.T) {
	for name, content := range pickled(t) {
		if len(content) > 3000 {
			continue
		}
		for n := 1; n < len(content); n += 1 + len(content)/97 {
			r := scanned(t, "model.pkl", content[:n])
			if r.Verdict < Unscanned && !strings.HasPrefix(name, "np") && !strings.HasPrefix(name, "torch") && !strings.HasPrefix(name, "two") && !strings.HasPrefix(name, "behind") {
				t.Errorf("%s cut to %d bytes of %d: %s", name, n, len(content), told(r))
			}
		}
	}
}

// zipOf makes an archive of names and contents.
func zipOf(t testing.TB, method uint16, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: pairs[i], Method: method})
		if err == nil {
			_, err = io.WriteString(w, pairs[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, name, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// weights is the pickle of a PyTorch archive.
const weights = "\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(X\x01\x00\x00\x00wq\x02ctorch._utils\n_rebuild_tensor_v2\nq\x03((X\x07\x00\x00\x00storageq\x04" +
	"ctorch\nFloatStorage\nq\x05X\x01\x00\x00\x000q\x06X\x03\x00\x00\x00cpuq\x07K\x04tq\x08QK\x00K\x04\x85q\tK\x01\x85q\n\x89h\x00)Rq\x0btq\x0cRq\ru."

// TestArchives: what is in archives counts, whatever it is called there.
func TestArchives(t *testing.T) {
	all := pickled(t)
	bad, good := string(all["system-2"]), string(all["plain-4"])
	encrypted := zipOf(t, zip.Store, "archive/data.pkl", bad)
	at := bytes.Index(encrypted, []byte("PK\x01\x02"))
	encrypted[6] |= 1
	encrypted[at+8] |= 1
	wrongSum := zipOf(t, zip.Store, "archive/data.pkl", bad)
	wrongSum[bytes.Index(wrongSum, []byte("PK\x01\x02"))+16] ^= 0xff
	for name, c := range map[string]struct {
		file    string
		content []byte
		want    string
	}{
		"torch":          {"model.pt", zipOf(t, zip.Store, "archive/data.pkl", weights, "archive/data/0", bad, "archive/version", "3\n"), "safe (PyTorch archive)"},
		"torch bad":      {"pytorch_model-00001-of-00002.bin", zipOf(t, zip.Deflate, "archive/data.pkl", bad), "unsafe (PyTorch archive) … posix.system, which can do anything, in archive/data.pkl"},
		"other name":     {"model.pt", zipOf(t, zip.Store, "archive/data.pkl", weights, "archive/data/x", bad), "unsafe … in archive/data/x"},
		"twice":          {"model.pt", zipOf(t, zip.Store, "a/data.pkl", weights, "a/data.pkl", weights), "suspicious … two files of the name"},
		"password":       {"model.pt", encrypted, "unsafe … says of \"archive/data.pkl\" that it has a password"},
		"wrong checksum": {"model.pt", wrongSum, "unsafe … posix.system"},
		"zip in zip":     {"model.zip", zipOf(t, zip.Store, "a.zip", string(zipOf(t, zip.Deflate, "b.pkl", bad))), "unsafe … in b.pkl, in a.zip"},
		"packed zip":     {"model.zip", zipOf(t, zip.Deflate, "a.zip", string(zipOf(t, zip.Deflate, "b.pkl", good))), "not_scanned … zip archive within another"},
		"cut":            {"model.pt", zipOf(t, zip.Store, "archive/data.pkl", weights)[:200], "suspicious … could not be read to its end"},
		"tar":            {"model.nemo", tarOf(t, "weights.ckpt", bad), "unsafe (a tar archive) … in weights.ckpt"},
		"oldest torch":   {"model.pt", tarOf(t, "./pickle", "cos\nsystem\n(S'true'\ntR."), "unsafe … os.system"},
		"tar and pickle": {"model.nemo", append([]byte("B\x00\x08\x00\x00"), append(append(make([]byte, 252), append([]byte("ustar"), make([]byte, 2048-257)...)...), "0cos\nsystem\n(S'true'\ntR."...)...), "unsafe … os.system"},
		"TorchScript":    {"model.pt", zipOf(t, zip.Store, "m/data.pkl", "\x80\x02c__torch__.net\nNet\n)\x81}b.", "m/code/__torch__/net.py", "x"), "notice … program"},
		"Keras":          {"m.keras", zipOf(t, zip.Store, "config.json", `{"module":"keras","class_name":"Sequential","config":{"layers":[{"module":"keras.layers","class_name":"Dense"}]}}`), "safe (Keras archive)"},
		"Lambda":         {"m.keras", zipOf(t, zip.Store, "config.json", `{"class_name":"Functional","config":{"layers":[{"class_name":"TimeDistributed","config":{"layer":{"class_name":"Lambda"}}}]}}`), "unsafe … Lambda layer"},
		"Keras import":   {"m.keras", zipOf(t, zip.Store, "config.json", `{"module":"os","class_name":"system"}`), "suspicious … imports os.system"},
		"HDF5":           {"m.h5", []byte("\x89HDF\r\n\x1a\n" + strings.Repeat("x", 70_000) + `{"class_name": "Lambda"}`), "unsafe … Lambda"},
		"HDF5 good":      {"m.h5", []byte("\x89HDF\r\n\x1a\n" + strings.Repeat("x", 70_000)), "notice (HDF5)"},
	} {
		check(t, name, scanned(t, c.file, c.content), c.want)
	}
}

// TestNames: a file that is not what its name says is told of.
func TestNames(t *testing.T) {
	all := pickled(t)
	windows := append([]byte("MZ"), make([]byte, 80)...)
	windows[0x3c] = 0x40
	copy(windows[0x40:], "PE\x00\x00")
	tensors := append([]byte{2, 0, 0, 0, 0, 0, 0, 0}, "{}"...)
	for name, c := range map[string]struct {
		file    string
		content []byte
		want    string
	}{
		"pickle as safetensors":   {"model.safetensors", all["plain-4"], "suspicious (pickle, protocol 4) … is a pickle, not safetensors as its name says"},
		"pickle as JSON":          {"config.json", all["plain-2"], "suspicious … is a pickle, not config"},
		"old pickle as JSON":      {"vocab.json", []byte("cos\nsystem\n(S'true'\ntR."), "unsafe (pickle, protocol 0 or 1) … is a pickle, not JSON"},
		"old pickle cut":          {"notes.txt", []byte("cos\nsystem\n(S'true'\ntR!"), "unsafe … could not be read to its end"},
		"text that looks like it": {"notes.txt", []byte("click\nhere\nto go on"), "safe (text)"},
		"pickle without a name":   {"weights", all["system-4"], "unsafe … posix.system"},
		"bytes that look like it": {"weights.bin", []byte("\x80\x02\xff\xfe\xfd"), "not_scanned () … format that is not known"},
		"program":                 {"model.json", []byte("\x7fELF\x02\x01\x01"), "unsafe … is a program of Linux (ELF), not JSON"},
		"library":                 {"op.so", []byte("\x7fELF\x02\x01\x01"), "notice … program of Linux"},
		"program without a name":  {"run", []byte("\xcf\xfa\xed\xfe"), "suspicious … macOS"},
		"Windows":                 {"model.gguf", windows, "unsafe … Windows"},
		"HTML":                    {"model.json", []byte("\n<!DOCTYPE html><script>"), "suspicious … is HTML, not JSON"},
		"page":                    {"index.html", []byte("<html>"), "notice … program text"},
		"script":                  {"model.yaml", []byte("#!/bin/sh\n"), "suspicious … a script, not YAML"},
		"Python":                  {"model.py", []byte("import os\n"), "notice … program text"},
		"pointer of LFS":          {"model.safetensors", []byte("version https://git-lfs.github.com/spec/v1\n"), "notice … is text, not safetensors"},
		"safetensors":             {"model.safetensors", tensors, "safe (safetensors)"},
		"card":                    {"README.md", []byte("# A model"), "safe (text)"},
		"empty":                   {"a/__init__.py", nil, "safe ()"},
		"xz":                      {"model.pkl", []byte("\xfd7zXZ\x00\x01"), "not_scanned … compressed (xz)"},
		"picture and pickle":      {"plot.gif", []byte("GIF89a\x00\x00\x000cos\nsystem\n(S'true'\ntR."), "unsafe … is a pickle, not image"},
		"picture as pickle":       {"model.pkl", []byte("BM\x00\x00\x00" + strings.Repeat("\x00", 77) + "0cos\nsystem\n(S'true'\ntR."), "unsafe … os.system"},
		"GGUF and pickle":         {"model.gguf", []byte("GGUF\x03\x00\x00\x00\x000cos\nsystem\n(S'true'\ntR."), "unsafe … is a pickle, not GGUF"},
		"protocol 1":              {"weights", []byte("cos\nsystem\nq\x00(X\x04\x00\x00\x00trueq\x01tq\x02Rq\x03."), "unsafe (pickle, protocol 0 or 1) … os.system"},
		"picture":                 {"a.png", []byte("\x89PNG\r\n\x1a\n"), "safe (an image)"},
	} {
		check(t, name, scanned(t, c.file, c.content), c.want)
	}
}

// failing breaks after some bytes, as a store may.
type failing struct {
	*bytes.Reader
	left int
}

var errStore = errors.New("the disk is gone")

func (f *failing) Read(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errStore
	}
	return f.Reader.Read(p)
}

// TestStoreFails: an error of the store says nothing about the file.
func TestStoreFails(t *testing.T) {
	big := zipOf(t, zip.Store, "a/data.pkl", weights+strings.Repeat("x", 1<<20))
	for _, left := range []int{0, 20_000} {
		if _, err := Scan(context.Background(), "model.pt", &failing{bytes.NewReader(big), left}, int64(len(big))); !errors.Is(err, errStore) {
			t.Errorf("with %d bytes: %v", left, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scan(ctx, "model.pt", bytes.NewReader(big), int64(len(big))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestLargeDataIsPassedOver: the elements of a large array are not read.
func TestLargeDataIsPassedOver(t *testing.T) {
	head := "\x80\x05B\x00\x00\x00\x01"
	content := append(append([]byte(head), make([]byte, 1<<24)...), "0cos\nsystem\n."...)
	w := &counting{Reader: bytes.NewReader(content)}
	r, err := Scan(context.Background(), "model.pkl", w, int64(len(content)))
	if err != nil || r.Verdict != Unsafe {
		t.Error(told(r), err)
	}
	if w.n > 1<<20 {
		t.Errorf("%d bytes were read", w.n)
	}
}

type counting struct {
	*bytes.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// TestLimits: what is too much is not called safe, and takes bounded memory.
func TestLimits(t *testing.T) {
	for name, content := range map[string][]byte{
		"stack": append([]byte("\x80\x04("), bytes.Repeat([]byte("N"), maxStack+2)...),
		"memo":  append([]byte("\x80\x04N"), bytes.Repeat([]byte("\x94"), maxKept/32+2)...),
		"marks": append([]byte("\x80\x04"), bytes.Repeat([]byte("("), maxKept/64+2)...),
	} {
		check(t, name, scanned(t, "model.pkl", content), "not_scanned")
	}
}

// FuzzScan: whatever a file has, looking into it ends, and what Python would run
// first is found.
func FuzzScan(f *testing.F) {
	names := []string{"model.pkl", "model.pt", "weights.bin", "a.npy", "m.keras", "a.tar", "m.h5", "x.json"}
	n := uint8(0)
	for _, content := range pickled(f) {
		if len(content) < 5000 {
			f.Add(n, content)
			n++
		}
	}
	f.Add(uint8(1), zipOf(f, zip.Store, "archive/data.pkl", weights))
	f.Add(uint8(4), zipOf(f, zip.Deflate, "config.json", `{"class_name":"Lambda"}`))
	f.Fuzz(func(t *testing.T, which uint8, content []byte) {
		name := names[int(which)%len(names)]
		r := scanned(t, name, content)
		if len(r.Findings) > maxFindings {
			t.Error("the limits do not hold")
		}
		worst := Safe
		for _, found := range r.Findings {
			worst = max(worst, found.Verdict)
			if len(found.What) > maxWhat {
				t.Errorf("a finding of %d bytes", len(found.What))
			}
		}
		if worst != r.Verdict {
			t.Errorf("%s", told(r))
		}
		// With an import before it, nothing is good any more.
		if name == "model.pkl" && len(content) > 0 {
			if r := scanned(t, name, append([]byte("cos\nsystem\n0"), content...)); r.Verdict != Unsafe {
				t.Errorf("behind an import: %s", told(r))
			}
		}
	})
}
