package safety

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/formats"
)

// form is what a content is by its first bytes.
type form string

const (
	unknownForm form = ""
	formText    form = "text"
	formHTML    form = "HTML"
	formScript  form = "script"
	formProgram form = "program" // ELF, PE, Mach-O
	formPickle  form = "pickle"
	formZip     form = "zip archive"
	formTar     form = "tar archive"
	formPacked  form = "compressed" // by something that is unpacked here
	formClosed  form = "compressed, unreadable"
	formNumpy   form = "NumPy array"
	formHDF5    form = "HDF5"
	formTensors form = "safetensors"
	formGGUF    form = "GGUF"
	formImage   form = "image"
	formTable   form = "table"
)

// headSize is how many bytes tell the form.
const headSize = 4096

// signatures are how contents begin, each with what it is called.
var signatures = []struct {
	begin string
	form  form
	name  string
}{
	{"\x7fELF", formProgram, "a program of Linux (ELF)"},
	{"\xfe\xed\xfa\xce", formProgram, "a program of macOS (Mach-O)"}, {"\xfe\xed\xfa\xcf", formProgram, "a program of macOS (Mach-O)"},
	{"\xce\xfa\xed\xfe", formProgram, "a program of macOS (Mach-O)"}, {"\xcf\xfa\xed\xfe", formProgram, "a program of macOS (Mach-O)"},
	{"\xca\xfe\xba\xbe", formProgram, "a program of macOS or Java"}, {"#!", formScript, "a script"},
	{"PK\x03\x04", formZip, "a zip archive"}, {"PK\x05\x06", formZip, "a zip archive"},
	{"\x1f\x8b", formPacked, "compressed (gzip)"}, {"BZh", formPacked, "compressed (bzip2)"},
	{"\x78\x01", formPacked, "compressed (zlib)"}, {"\x78\x5e", formPacked, "compressed (zlib)"}, {"\x78\x9c", formPacked, "compressed (zlib)"}, {"\x78\xda", formPacked, "compressed (zlib)"},
	{"\xfd7zXZ\x00", formClosed, "compressed (xz)"}, {"7z\xbc\xaf\x27\x1c", formClosed, "an archive (7z)"}, {"\x28\xb5\x2f\xfd", formClosed, "compressed (zstd)"},
	{"\x04\x22\x4d\x18", formClosed, "compressed (lz4)"}, {"\x5d\x00\x00", formClosed, "compressed (lzma)"}, {"Rar!", formClosed, "an archive (rar)"},
	{"\x93NUMPY", formNumpy, "a NumPy array"}, {"\x89HDF\r\n\x1a\n", formHDF5, "HDF5"}, {"GGUF", formGGUF, "GGUF"},
	{"\x89PNG\r\n", formImage, "an image"}, {"\xff\xd8\xff", formImage, "an image"}, {"GIF8", formImage, "an image"}, {"RIFF", formImage, "an image or a sound"}, {"BM", formImage, "an image"},
	{"PAR1", formTable, "a table"}, {"ARROW1", formTable, "a table"},
}

// formOf tells what a content of size bytes is by its first bytes, and what people
// call it.
func formOf(head []byte, size int64) (form, string) {
	if len(head) >= 9 && head[8] == '{' && binary.LittleEndian.Uint64(head)+8 <= uint64(size) { //nolint:gosec // a size
		return formTensors, "safetensors"
	}
	if isWindows(head) {
		return formProgram, "a program of Windows (PE)"
	}
	for _, s := range signatures {
		// A few letters begin many texts.
		mayBeText := s.form == formImage || s.form == formPacked || s.form == formClosed
		if bytes.HasPrefix(head, []byte(s.begin)) && (!mayBeText || !isText(head)) {
			return s.form, s.name
		}
	}
	switch {
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return formTar, "a tar archive"
	case pickleHead(head):
		return formPickle, "a pickle"
	case !isText(head):
		return unknownForm, "of an unknown format"
	case isHTML(head):
		return formHTML, "HTML"
	}
	return formText, "text"
}

// isWindows reports whether a content begins as the programs of Windows do, whose
// second head is where the number at 0x3c says.
func isWindows(head []byte) bool {
	if len(head) < 0x40 || head[0] != 'M' || head[1] != 'Z' {
		return false
	}
	at := binary.LittleEndian.Uint32(head[0x3c:])
	return uint64(at)+4 > uint64(len(head)) || string(head[at:at+4]) == "PE\x00\x00"
}

// isText reports whether it is UTF-8 without what texts do not have. The last
// letter may be cut.
func isText(head []byte) bool {
	for i := 0; i < len(head); {
		r, n := utf8.DecodeRune(head[i:])
		switch {
		case r == utf8.RuneError && n == 1 && (len(head) < headSize || i < len(head)-utf8.UTFMax):
			return false
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != 0x1b:
			return false
		}
		i += n
	}
	return true
}

// isHTML reports whether a text begins as a page does, or has a script near its
// beginning.
func isHTML(head []byte) bool {
	text := bytes.ToLower(bytes.TrimSpace(head))
	for _, begin := range []string{"<!doctype html", "<html", "<head", "<body", "<script", "<iframe"} {
		if bytes.HasPrefix(text, []byte(begin)) {
			return true
		}
	}
	return false
}

// fits are the forms that a file of a kind may have; a kind that is not here may
// have any.
var fits = map[formats.Kind][]form{
	formats.Safetensors: {formTensors},
	formats.GGUF:        {formGGUF},
	formats.ONNX:        {unknownForm},
	formats.MLmodel:     {formText},
	formats.Config:      {formText},
	formats.JSON:        {formText},
	formats.YAML:        {formText},
	formats.CSV:         {formText},
	formats.Markdown:    {formText, formHTML},
	formats.Text:        {formText, formHTML, formScript},
	formats.Image:       {formImage, formText},
	formats.Keras:       {formZip, formHDF5},
	formats.Table:       {formTable, formNumpy, formZip, unknownForm},
	formats.Pickle:      {formPickle, formZip, formTar, formPacked, formClosed, formText, unknownForm},
	formats.Archive:     {formZip, formTar, formPacked, formClosed, unknownForm},
}

// mayBePickle reports whether a content of a form is read as nothing else, so that
// it is tried as a pickle.
func (f form) mayBePickle() bool {
	switch f {
	case formText, formHTML, formScript, formImage, formTable, formTensors, formGGUF, unknownForm:
		return true
	}
	return false
}

// runs reports whether a content of a form is made to run, or to hold what is.
func (f form) runs() bool {
	switch f {
	case formPickle, formZip, formTar, formPacked, formClosed, formHTML, formScript, formProgram:
		return true
	}
	return false
}

// native are endings of programs and of what they load.
var native = words(".so .dll .dylib .exe .pyd .node .jar .class")

// sources are endings of program text.
var sources = words(".py .sh .bash .js .ts .r .ipynb .rb .pl .ps1 .bat .cmd .lua .html .htm .pyc")

// judgeName tells whether a file is what its name says.
func (r *Report) judgeName(name string, f form, called string) {
	kind, ending := formats.KindOf(name), strings.ToLower(path.Ext(name))
	switch allowed, bound := fits[kind], fits[kind] != nil; {
	case f == formProgram && native[ending]:
		r.add(Notice, "is %s", called)
	case f == formProgram && kind != formats.Unknown:
		r.add(Unsafe, "is %s, not %s as its name says", called, kind)
	case f == formProgram:
		r.add(Suspicious, "is %s", called)
	case bound && !slices.Contains(allowed, f) && f.runs():
		r.add(Suspicious, "is %s, not %s as its name says", called, kind)
	case bound && !slices.Contains(allowed, f):
		r.add(Notice, "is %s, not %s as its name says", called, kind)
	case sources[ending] || f == formScript || f == formHTML:
		r.add(Notice, "is program text, which runs when somebody runs it")
	}
}
