package formats

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// Details are what a file says of itself.
type Details struct {
	Kind  Kind
	Facts []Fact // the few that people look for, in the order in which they do
	// Parameters counts the elements of all tensors; 0: there are none, or the
	// file does not say.
	Parameters int64
	Types      []Share  // element types, the commonest first
	Tensors    []Tensor // by name
	Inputs     []Value
	Outputs    []Value
	Metadata   []Fact // the rest, at most MaxMetadata
}

// Fact is a thing with its value, as people read it.
type Fact struct{ Name, Value string }

// Share is how much of a model has one type of elements.
type Share struct {
	Type       string
	Tensors    int
	Parameters int64
}

// Tensor is the head of a tensor; its elements are not read.
type Tensor struct {
	Name  string
	Type  string
	Shape []int64
}

// Value is what goes into a model, or comes out.
type Value struct{ Name, Type, Shape string }

// The limits of what is read and kept.
const (
	// MaxHead bounds the bytes of a head that are read.
	MaxHead = 32 << 20
	// MaxMetadata bounds the facts of Metadata.
	MaxMetadata = 200

	maxTensors = 200_000
	maxRank    = 16      // dimensions of a tensor
	maxText    = 400     // bytes of a value that are kept
	maxName    = 4 << 10 // bytes of a name
	maxText64  = 1 << 20 // bytes of a text that is read to be kept in part
	maxDoc     = 1 << 20 // bytes of a small file in text
)

// ErrMalformed is the class of errors that are the file's fault. Their text is
// for people, and completes "the file …".
var ErrMalformed = errors.New("")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w%s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Readable reports whether Read knows more about a kind than its name.
func (k Kind) Readable() bool {
	switch k {
	case Safetensors, GGUF, ONNX, MLmodel, Config, Pickle:
		return true
	}
	return false
}

// atOnce is how many heads a Reader reads at once.
const atOnce = 3

// Reader reads heads, a few at once: a large one takes a few times its size in
// memory.
type Reader struct{ turns chan struct{} }

// NewReader makes a Reader.
func NewReader() *Reader { return &Reader{make(chan struct{}, atOnce)} }

// Read is the function Read, when its turn comes.
func (r *Reader) Read(ctx context.Context, kind Kind, content io.ReadSeeker, size int64) (Details, error) {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
		return Read(kind, content, size)
	case <-ctx.Done():
		return Details{}, ctx.Err()
	}
}

// Read reads the head of a file of size bytes. It reads in order, and passes
// over what it does not need by seeking. An error is ErrMalformed when the file
// is not as its kind should be, and then Details has what was good before.
func Read(kind Kind, content io.ReadSeeker, size int64) (Details, error) {
	r := &reader{src: content, size: size, buf: bufio.NewReaderSize(content, 64<<10)}
	d := Details{Kind: kind}
	var err error
	switch kind {
	case Safetensors:
		err = readSafetensors(r, &d)
	case GGUF:
		err = readGGUF(r, &d)
	case ONNX:
		err = readONNX(r, &d)
	case MLmodel:
		err = readMLmodel(r, &d)
	case Config:
		err = readConfig(r, &d)
	case Pickle:
		err = readPickle(r, &d)
	}
	d.count()
	return d, err
}

// Sniff tells the kind of a file whose name says nothing by its first bytes, as
// far as those are sure.
func Sniff(head []byte) Kind {
	switch {
	case len(head) >= 4 && string(head[:4]) == ggufMagic:
		return GGUF
	case pickled(head) != "":
		return Pickle
	}
	return Unknown
}

// count adds up the tensors and sorts them.
func (d *Details) count() {
	byType := map[string]*Share{}
	for _, t := range d.Tensors {
		s := byType[t.Type]
		if s == nil {
			s = &Share{Type: t.Type}
			byType[t.Type] = s
		}
		n, _ := t.elements() // they were checked when they were read
		s.Tensors++
		s.Parameters += n
		d.Parameters += n
	}
	for _, s := range byType {
		d.Types = append(d.Types, *s)
	}
	slices.SortFunc(d.Types, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Parameters, a.Parameters), cmp.Compare(a.Type, b.Type))
	})
	slices.SortFunc(d.Tensors, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
}

// elements multiplies the shape; ok is false when that is no number.
func (t Tensor) elements() (n int64, ok bool) {
	n = 1
	for _, d := range t.Shape {
		if d < 0 || d > 0 && n > math.MaxInt64/8/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// fact adds a fact unless it is empty.
func (d *Details) fact(name, value string) {
	if value != "" {
		d.Facts = append(d.Facts, Fact{name, clip(value)})
	}
}

// meta adds to the metadata as long as there is room.
func (d *Details) meta(name, value string) {
	if len(d.Metadata) < MaxMetadata {
		d.Metadata = append(d.Metadata, Fact{clip(name), clip(value)})
	}
}

// clip bounds a text of a file.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + " …"
}

// reader reads a file in order and knows where it is. What it was asked for and
// could not give is malformed; an error of the store is what it is.
type reader struct {
	src  io.ReadSeeker
	buf  *bufio.Reader
	size int64
	at   int64
	read int64 // bytes that were really read
}

// need checks that n bytes are left.
func (r *reader) need(n uint64) error {
	if n > uint64(r.size-r.at) {
		return malformed("ends before its head does")
	}
	return nil
}

// bytes gives the next n bytes, at most most.
func (r *reader) bytes(n uint64, most int) ([]byte, error) {
	if err := r.need(n); err != nil {
		return nil, err
	}
	if n > uint64(most) {
		return nil, malformed("has a text of %d bytes in its head, more than the %d that are read", n, most)
	}
	if r.read += int64(n); r.read > MaxHead {
		return nil, malformed("has a head of more than %d MiB, which is not read", MaxHead>>20)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.buf, b); err != nil {
		return nil, fmt.Errorf("reading the content: %w", err)
	}
	r.at += int64(n)
	return b, nil
}

// skip passes over n bytes.
func (r *reader) skip(n uint64) error {
	if err := r.need(n); err != nil {
		return err
	}
	r.at += int64(n)
	if n <= uint64(r.buf.Buffered()) {
		_, err := r.buf.Discard(int(n))
		return err
	}
	if _, err := r.src.Seek(r.at, io.SeekStart); err != nil {
		return fmt.Errorf("reading the content: %w", err)
	}
	r.buf.Reset(r.src)
	return nil
}

// byte gives the next byte.
func (r *reader) byte() (byte, error) {
	if err := r.need(1); err != nil {
		return 0, err
	}
	if r.read++; r.read > MaxHead {
		return 0, malformed("has a head of more than %d MiB, which is not read", MaxHead>>20)
	}
	b, err := r.buf.ReadByte()
	if err != nil {
		return 0, fmt.Errorf("reading the content: %w", err)
	}
	r.at++
	return b, nil
}

// whole gives all of a small file.
func (r *reader) whole() ([]byte, error) {
	if r.size > maxDoc {
		return nil, malformed("is larger than the %d KiB that are read of such a file", maxDoc>>10)
	}
	return r.bytes(uint64(r.size), maxDoc)
}
