package safety

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/formats"
)

// The limits of an archive.
const (
	maxDirectory = 8 << 20 // bytes of a zip's directory
	maxEntries   = 50_000
	maxKeras     = 16 << 20 // bytes of the description of a Keras model
)

// at reads anywhere of what can seek, within the bounds of the work.
type at struct {
	in io.ReadSeeker
	w  *work
}

func (a at) ReadAt(p []byte, off int64) (int, error) {
	if _, err := a.in.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(source{a.in, a.w}, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// directory bounds what is read of a zip's directory, which is kept as a whole.
type directory struct {
	io.ReaderAt
	left int64
}

func (d *directory) ReadAt(p []byte, off int64) (int, error) {
	if d.left -= int64(len(p)); d.left < 0 {
		return 0, beyond("has a directory of more than %d MiB", maxDirectory>>20)
	}
	return d.ReaderAt.ReadAt(p, off)
}

// zip looks into each file of an archive, also into those that other readers find
// by ignoring a flag or a checksum.
func (p part) zip() error {
	if p.seeker == nil || p.size < 0 {
		return beyond("has a zip archive within another one that is compressed")
	}
	dir := &directory{at{p.seeker, p.w}, maxDirectory}
	z, err := zip.NewReader(dir, p.size)
	if err != nil {
		return cut(err)
	}
	dir.left = maxRead
	if len(z.File) > maxEntries {
		return beyond("has more than %d files in it", maxEntries)
	}
	seen := map[string]bool{}
	for _, f := range z.File {
		if seen[f.Name] {
			p.report.add(Suspicious, "has two files of the name %.80q", f.Name)
		}
		seen[f.Name] = true
	}
	torch := torchFolder(z)
	if torch != "" {
		p.report.Form = "PyTorch archive"
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") || torch != "" && isStorage(strings.TrimPrefix(f.Name, torch)) {
			continue
		}
		if err := p.entry(dir, f); err != nil {
			return err
		}
	}
	return p.keras(z)
}

// torchFolder is the folder of an archive of PyTorch's, with a slash; "" for none.
func torchFolder(z *zip.Reader) string {
	for _, f := range z.File {
		if folder, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && strings.Count(folder, "/") == 1 {
			return folder
		}
	}
	return ""
}

// storage is the name of elements in PyTorch's archives, which are never unpickled.
var storage = regexp.MustCompile(`^(data|constants|xl_model_weights)/\d+$`)

func isStorage(name string) bool { return storage.MatchString(name) }

// encrypted is the flag of a zip's file that has a password. Some readers ignore it.
const encrypted = 1

func (p part) entry(dir io.ReaderAt, f *zip.File) error {
	if f.Flags&encrypted != 0 {
		p.report.add(Suspicious, "says of %.80q that it has a password", f.Name)
	}
	offset, err := f.DataOffset()
	if err != nil {
		return cut(err)
	}
	raw := io.NewSectionReader(dir, offset, int64(f.CompressedSize64)) //nolint:gosec // a negative one reads nothing
	switch f.Method {
	case zip.Store:
		return p.inner(f.Name, nil, raw, int64(f.CompressedSize64)) //nolint:gosec // as above
	case zip.Deflate:
		return p.inner(f.Name, flate.NewReader(bufio.NewReader(raw)), nil, int64(f.UncompressedSize64)) //nolint:gosec // as above
	}
	p.report.add(Unscanned, "has %.80q in it, which is compressed in a way that is not unpacked here", f.Name)
	return nil
}

// tar looks into each file of an archive.
func (p part) tar(s *stream) error {
	t := tar.NewReader(s.buf)
	for n := 0; ; n++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return cut(err)
		case n == maxEntries:
			return beyond("has more than %d files in it", maxEntries)
		case h.Typeflag != tar.TypeReg:
			continue
		}
		if err := p.inner(asPickle(h.Name), t, nil, h.Size); err != nil {
			return err
		}
	}
}

// asPickle gives the pickles in PyTorch's oldest form, which have no endings, an
// ending: torch/serialization.py, _legacy_load.
func asPickle(name string) string {
	if slices.Contains([]string{"pickle", "storages", "tensors", "sys_info"}, path.Base(name)) {
		return name + ".pkl"
	}
	return name
}

// keras looks at the description of a model in an archive of Keras.
func (p part) keras(z *zip.Reader) error {
	if formats.KindOf(p.name) != formats.Keras {
		return nil
	}
	f, err := z.Open("config.json")
	if err != nil {
		return broken("has no config.json as Keras's files have")
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxKeras+1))
	if err != nil {
		return cut(err)
	}
	if len(raw) > maxKeras {
		return beyond("has a description of more than %d MiB", maxKeras>>20)
	}
	p.report.Form = "Keras archive"
	var config any
	if err := json.Unmarshal(raw, &config); err != nil {
		return broken("has a config.json that is no JSON")
	}
	p.kerasLayer(config)
	return nil
}

// kerasLayer looks for what a description makes Keras import or unmarshal:
// keras/src/saving/serialization_lib.py.
func (p part) kerasLayer(v any) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			p.kerasLayer(x)
		}
	case map[string]any:
		name, _ := v["class_name"].(string)
		module, _ := v["module"].(string)
		root, _, _ := strings.Cut(module, ".")
		switch {
		case name == "Lambda" || name == "__lambda__":
			p.report.add(Unsafe, "has a Lambda layer, which holds Python code")
		case name != "" && root != "" && root != "keras" && root != "builtins" && root != "tensorflow":
			p.report.add(Suspicious, "imports %.80s.%.80s, which is on no list", module, name)
		case v["registered_name"] != nil && v["registered_name"] != name && root == "":
			p.report.add(Notice, "needs the custom class %.80s", fmt.Sprint(v["registered_name"]))
		}
		for _, x := range v {
			p.kerasLayer(x)
		}
	}
}

// lambda is how the description of a Lambda layer is written within HDF5, with or
// without a blank.
var lambdas = [][]byte{[]byte(`"class_name": "Lambda"`), []byte(`"class_name":"Lambda"`), []byte(`"class_name": "__lambda__"`)}

// hdf5 looks for the description of a Lambda layer. The layout is not followed: the
// description is in it as one text.
func (p part) hdf5(s *stream) error {
	p.report.add(Notice, "is HDF5, of which only descriptions of Keras are looked at")
	const overlap = 64
	buf := make([]byte, 64<<10)
	n := 0
	for {
		m, err := io.ReadFull(s.buf, buf[n:])
		n += m
		for _, l := range lambdas {
			if bytes.Contains(buf[:n], l) {
				p.report.add(Unsafe, "has a Lambda layer, which holds Python code")
				return nil
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return cut(err)
		}
		n = copy(buf, buf[n-overlap:n])
	}
}
