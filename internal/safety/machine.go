package safety

import (
	"strconv"
	"strings"
)

// The opcodes are described in Python's Lib/pickletools.py, and what they do in
// Lib/pickle.py. Where the two readers of Python differ, or older ones do, the
// machine takes the more careful meaning.

// machine follows a pickle without doing anything that it asks for.
type machine struct {
	in     *stream
	report *Report
	stack  []any
	marks  []int
	memo   memo
	kept   int // bytes, about
	depth  int // of pickles in pickles
	steps  int64
	// under is a machine that goes on elsewhere, when this one tries what else its
	// bytes may mean: where its own stack and memo are empty it takes from there,
	// and what is not there either is unknown. taken counts what it took.
	under *machine
	taken int
	// protocol is the highest that the pickle has announced; imports and calls
	// count what was found.
	protocol int
	imports  int
	names    int // imports whose names can be told
	calls    int
	legacy   bool // it is the number that begins PyTorch's older files
}

// stop is the opcode that ends a pickle.
const stop = '.'

// maxSteps bounds the opcodes of a pickle; in the smallest form that is 128 MB.
const maxSteps = 128 << 20

// run reads one pickle to its end.
func (m *machine) run() error {
	for {
		op, err := m.in.byte()
		if err != nil {
			return err
		}
		if op == stop {
			_, err := m.pop()
			return err
		}
		if m.steps++; m.steps > maxSteps {
			return beyond("has a pickle of more than %d steps", maxSteps)
		}
		if err := m.step(op); err != nil {
			return err
		}
	}
}

// step does what changes the stack; what brings data, and what names and calls,
// is below.
func (m *machine) step(op byte) error {
	switch op {
	case '(': // MARK
		m.marks = append(m.marks, len(m.stack))
		return m.keep(64)
	case '0': // POP, of a mark too
		if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
			m.marks = m.marks[:n-1]
			return nil
		}
		_, err := m.pop()
		return err
	case '1': // POP_MARK
		_, err := m.popMark()
		return err
	case '2': // DUP
		v, err := m.top()
		return m.pushed(v, err)
	case 'a': // APPEND
		_, err := m.popMany(1)
		return err
	case 'e', 0x90: // APPENDS, ADDITEMS
		_, err := m.popMark()
		return err
	case 's': // SETITEM
		kv, err := m.popMany(2)
		return m.set(kv, err)
	case 'u': // SETITEMS
		kvs, err := m.popMark()
		return m.set(kvs, err)
	case 't': // TUPLE
		items, err := m.popMark()
		return m.pushTuple(items, err)
	case ')', 0x85, 0x86, 0x87: // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3
		n := 0
		if op != ')' {
			n = int(op) - 0x84
		}
		items, err := m.popMany(n)
		return m.pushTuple(items, err)
	case 'l', 0x91: // LIST, FROZENSET
		_, err := m.popMark()
		return m.pushed(unknown{}, err)
	case 'd': // DICT
		kvs, err := m.popMark()
		d := &dict{}
		if err == nil {
			err = m.fill(d, kvs)
		}
		return m.pushed(d, err)
	}
	return m.stepData(op)
}

// keep counts what is kept.
func (m *machine) keep(n int) error {
	if m.kept += n; m.kept > maxKept {
		return beyond("has a pickle with more objects than are followed")
	}
	return nil
}

func (m *machine) push(v any) error {
	if len(m.stack) == maxStack {
		return beyond("has a pickle with more than %d objects at once", maxStack)
	}
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pushed(v any, err error) error {
	if err != nil {
		return err
	}
	return m.push(v)
}

// floor is where the stack ends for pop: at the last mark.
func (m *machine) floor() int {
	if n := len(m.marks); n > 0 {
		return m.marks[n-1]
	}
	return 0
}

func (m *machine) top() (any, error) {
	if len(m.stack) > m.floor() {
		return m.stack[len(m.stack)-1], nil
	}
	if m.under == nil {
		return nil, broken("has a pickle that takes what is not there")
	}
	if i := len(m.under.stack) - 1 - m.taken; i >= 0 {
		return m.under.stack[i], nil
	}
	return unknown{}, nil
}

func (m *machine) pop() (any, error) {
	v, err := m.top()
	if n := len(m.stack); n > m.floor() {
		m.stack[n-1] = nil
		m.stack = m.stack[:n-1]
	} else {
		m.taken++
	}
	return v, err
}

// popMany takes n objects, the lowest first. The slice holds until the next push.
func (m *machine) popMany(n int) ([]any, error) {
	at := len(m.stack) - n
	if at >= m.floor() {
		items := m.stack[at:]
		m.stack = m.stack[:at]
		return items, nil
	}
	items := make([]any, n)
	for i := n - 1; i >= 0; i-- {
		var err error
		if items[i], err = m.pop(); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// popMark takes what is above the last mark. The slice holds until the next push.
func (m *machine) popMark() ([]any, error) {
	n := len(m.marks)
	if n == 0 {
		if m.under != nil {
			items := m.stack
			m.stack = nil
			return items, nil
		}
		return nil, broken("has a pickle that goes back to a mark that is not there")
	}
	at := m.marks[n-1]
	m.marks = m.marks[:n-1]
	items := m.stack[at:]
	m.stack = m.stack[:at]
	return items, nil
}

func (m *machine) pushTuple(items []any, err error) error {
	if err != nil {
		return err
	}
	t := &tuple{append([]any(nil), items[:min(len(items), maxTuple)]...)}
	if err := m.keep(24 + 16*len(t.items)); err != nil {
		return err
	}
	return m.push(t)
}

// set puts keys and values into the dictionary on the stack, if it is one.
func (m *machine) set(kvs []any, err error) error {
	if err != nil {
		return err
	}
	target, err := m.top()
	d, ok := target.(*dict)
	if err != nil || !ok {
		return m.touched(target, err)
	}
	return m.fill(d, kvs)
}

// fill puts keys and values into a dictionary.
func (m *machine) fill(d *dict, kvs []any) error {
	for i := 0; i+1 < len(kvs) && len(d.items) < maxDict; i += 2 {
		key, ok := kvs[i].(string)
		if !ok {
			continue
		}
		if d.items == nil {
			d.items = map[string]any{}
		}
		d.items[key] = kvs[i+1]
		if err := m.keep(64); err != nil {
			return err
		}
	}
	return nil
}

// touched notices that something is changed which was imported: that would change
// it for the whole program.
func (m *machine) touched(target any, err error) error {
	if g, ok := target.(*global); ok && err == nil {
		m.report.add(Suspicious, "changes %s, which it imports", g)
	}
	return err
}

// aText is a text as far as it is kept, for what may be a name.
func (m *machine) aText(s string) (any, error) {
	if !nameLike(s) {
		return unknown{}, nil
	}
	return s, m.keep(32 + len(s))
}

// stepData does what brings data.
func (m *machine) stepData(op byte) error {
	switch op {
	case 0x80: // PROTO
		n, err := m.in.byte()
		m.protocol = max(m.protocol, int(n))
		if n > 5 && err == nil {
			return broken("has a pickle of the protocol %d, which is not known", n)
		}
		return err
	case 0x95: // FRAME: only a hint for reading ahead
		_, err := m.in.number(8)
		return err
	case 'N', 0x88, 0x89, ']', 0x8f: // NONE, NEWTRUE, NEWFALSE, EMPTY_LIST, EMPTY_SET
		return m.push(unknown{})
	case '}': // EMPTY_DICT
		return m.push(&dict{})
	case 'G': // BINFLOAT
		return m.pushed(unknown{}, m.in.skip(8))
	case 'F', 'P': // FLOAT, PERSID: what a reader of its own makes of a text
		_, err := m.in.line()
		return m.pushed(unknown{}, err)
	case 'I', 'L': // INT, LONG
		s, err := m.in.line()
		n, bad := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(s), "L"), 10, 64)
		if bad != nil {
			return m.pushed(unknown{}, err)
		}
		return m.pushed(n, err)
	case 'K', 'M': // BININT1, BININT2
		n, err := m.in.number(width(op, 'M'))
		return m.pushed(int64(n), err) //nolint:gosec // two bytes at most
	case 'J': // BININT
		n, err := m.in.number(4)
		return m.pushed(int64(int32(n)), err) //nolint:gosec // as the four bytes are meant
	case 0x8a, 0x8b: // LONG1, LONG4
		return m.long(op)
	case 'S', 'V': // STRING, UNICODE
		s, err := m.in.line()
		if err != nil {
			return err
		}
		v, err := m.aText(unquoted(op, s))
		return m.pushed(v, err)
	}
	if size, isBytes := sized(op); size != 0 {
		return m.sizedData(op, size, isBytes)
	}
	return m.stepName(op)
}

// width is the width of a number behind an opcode that is the wider of two, or not.
func width(op, wider byte) int {
	switch {
	case op != wider:
		return 1
	case op == 'M':
		return 2
	}
	return 4
}

// unquoted is the text of a line. A text with escapes is none that is kept as a
// name, unless the escapes could hide one.
func unquoted(op byte, s string) string {
	if op == 'S' {
		s = strings.TrimSpace(s)
		if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
			s = s[1 : len(s)-1]
		}
	}
	return s // with a backslash it is not nameLike, and as a name unknown
}

// magic is the number that begins PyTorch's older files, in torch/serialization.py.
const magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// long reads a number of any length.
func (m *machine) long(op byte) error {
	n, err := m.in.number(width(op, 0x8b))
	if err != nil {
		return err
	}
	if n > 16 {
		return m.pushed(unknown{}, m.in.skip(int64(n))) //nolint:gosec // four bytes at most
	}
	b, err := m.in.bytes(int(n)) //nolint:gosec // at most 16
	if err != nil {
		return err
	}
	m.legacy = m.legacy || string(b) == magic
	if n > 8 {
		return m.push(unknown{})
	}
	var v int64
	for i, c := range b {
		v |= int64(c) << (8 * i)
	}
	if n > 0 && n < 8 && b[n-1]&0x80 != 0 {
		v -= 1 << (8 * n)
	}
	return m.push(v)
}

// sized tells how wide the length of the data behind an opcode is, 0 when it has
// none.
func sized(op byte) (width int, isBytes bool) {
	switch op {
	case 'U', 'C': // SHORT_BINSTRING, SHORT_BINBYTES
		return 1, true
	case 0x8c: // SHORT_BINUNICODE
		return 1, false
	case 'T', 'B': // BINSTRING, BINBYTES
		return 4, true
	case 'X': // BINUNICODE
		return 4, false
	case 0x8d: // BINUNICODE8
		return 8, false
	case 0x8e, 0x96: // BINBYTES8, BYTEARRAY8
		return 8, true
	}
	return 0, false
}

// sizedData reads a text, or bytes, which may be a pickle themselves.
func (m *machine) sizedData(op byte, width int, isBytes bool) error {
	size, err := m.in.number(width)
	if err != nil {
		return err
	}
	n := int64(size) //nolint:gosec // a negative one is refused below
	if err := m.in.need(n); err != nil {
		return err
	}
	if n <= maxText {
		b, err := m.in.bytes(int(n))
		if err != nil {
			return err
		}
		if isBytes && pickleHead(b) {
			return m.push(m.inBytes(b))
		}
		if isBytes && op != 'U' && op != 'T' {
			return m.push(unknown{})
		}
		v, err := m.aText(string(b))
		return m.pushed(v, err)
	}
	if !isBytes || !pickleHead(m.in.peek(2)) || m.depth >= maxDepth {
		return m.pushed(unknown{}, m.in.skip(n))
	}
	var c *content
	if err := m.in.within(n, func() error { c, err = m.nested(m.in); return err }); err != nil {
		return err
	}
	return m.push(c)
}

// pickleHead reports whether bytes begin as a pickle with a protocol.
func pickleHead(b []byte) bool {
	return len(b) >= 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5
}
