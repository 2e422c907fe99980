package safety

import (
	"bytes"
	"errors"
	"strconv"
)

// maxDepth bounds pickles in pickles and archives in archives.
const maxDepth = 4

// stepName does what names, calls and puts aside.
func (m *machine) stepName(op byte) error {
	switch op {
	case 'c': // GLOBAL
		g, err := m.lines()
		return m.pushed(g, err)
	case 0x93: // STACK_GLOBAL
		names, err := m.popMany(2)
		if err != nil {
			return err
		}
		return m.push(m.named(names[0], names[1]))
	case 'i': // INST: the names, called with what is above the mark
		g, err := m.lines()
		if err != nil {
			return err
		}
		args, err := m.popMark()
		return m.call(g, args, err)
	case 0x82, 0x83, 0x84: // EXT1, EXT2, EXT4
		n, err := m.in.number(1 << (op - 0x82))
		if err == nil {
			m.report.add(Suspicious, "imports what a program has registered under the number %d", n)
		}
		return m.pushed(unknown{}, err)
	case 'Q': // BINPERSID: what a reader of its own makes of an object
		_, err := m.pop()
		return m.pushed(unknown{}, err)
	case 'R', 0x81: // REDUCE, NEWOBJ
		fa, err := m.popMany(2)
		if err != nil {
			return err
		}
		return m.call(fa[0], itemsOf(fa[1]), nil)
	case 0x92: // NEWOBJ_EX
		fak, err := m.popMany(3)
		if err != nil {
			return err
		}
		return m.call(fak[0], itemsOf(fak[1]), nil)
	case 'o': // OBJ
		all, err := m.popMark()
		if err == nil && len(all) == 0 {
			err = broken("has a pickle that calls nothing")
		}
		if err != nil {
			return err
		}
		return m.call(all[0], all[1:], nil)
	case 'b': // BUILD
		return m.build()
	case 0x97: // NEXT_BUFFER: bytes from elsewhere
		return m.push(unknown{})
	case 0x98: // READONLY_BUFFER
		_, err := m.top()
		return err
	}
	return m.stepMemo(op)
}

// stepMemo does what puts aside and takes again.
func (m *machine) stepMemo(op byte) error {
	switch op {
	case 0x94: // MEMOIZE
		return m.put(uint64(m.memo.len()), nil) //nolint:gosec // a length
	case 'p', 'g': // PUT, GET
		s, err := m.in.line()
		if err != nil {
			return err
		}
		i, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return broken("has a pickle with a bad number")
		}
		if op == 'p' {
			return m.put(i, nil)
		}
		return m.get(i, nil)
	case 'q', 'r': // BINPUT, LONG_BINPUT
		i, err := m.in.number(width(op, 'r'))
		return m.put(i, err)
	case 'h', 'j': // BINGET, LONG_BINGET
		i, err := m.in.number(width(op, 'j'))
		return m.get(i, err)
	}
	return broken("has a pickle with an unknown opcode 0x%02x", op)
}

func (m *machine) put(i uint64, err error) error {
	if err != nil {
		return err
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	m.memo.put(i, v)
	return m.keep(32)
}

func (m *machine) get(i uint64, err error) error {
	if err != nil {
		return err
	}
	v, ok := m.memo.get(i)
	if !ok && m.under != nil {
		if v, ok = m.under.memo.get(i); !ok {
			v, ok = unknown{}, true
		}
	}
	if !ok {
		return broken("has a pickle that takes what was not put aside")
	}
	return m.push(v)
}

// lines reads the two lines of a name.
func (m *machine) lines() (any, error) {
	module, err := m.in.line()
	if err != nil {
		return nil, err
	}
	name, err := m.in.line()
	if err != nil {
		return nil, err
	}
	return m.named(module, name), nil
}

// named is what an import gives, and notes what is thought of it.
func (m *machine) named(module, name any) any {
	m.imports++
	mod, ok1 := module.(string)
	n, ok2 := name.(string)
	if !ok1 || !ok2 {
		m.report.add(Suspicious, "imports something whose name cannot be told")
		return unknown{}
	}
	m.names++
	g := &global{module: mod, name: n}
	var why string
	g.verdict, why = judge(mod, n)
	if g.verdict > Safe {
		m.report.add(g.verdict, "%s", why)
	}
	return g
}

func itemsOf(v any) []any {
	if t, ok := v.(*tuple); ok {
		return t.items
	}
	return nil
}

// call notes a call and gives its result.
func (m *machine) call(f any, args []any, err error) error {
	if err != nil {
		return err
	}
	m.calls++
	g, ok := f.(*global)
	if !ok {
		m.report.add(Suspicious, "calls something whose name cannot be told")
		return m.push(unknown{})
	}
	m.judgeCall(g, args)
	if !g.is("numpy.dtype") && !g.is(wrappers...) {
		return m.push(unknown{})
	}
	return m.push(&object{class: g, args: bounded(args)})
}

func bounded(args []any) []any { return append([]any(nil), args[:min(len(args), maxTuple)]...) }

// judgeCall judges the calls whose arguments matter.
func (m *machine) judgeCall(g *global, args []any) {
	switch {
	case g.is("functools.partial"):
		if f, ok := first(args).(*global); !ok || f.verdict > Notice {
			m.report.add(Unsafe, "makes a function of functools.partial of something that is not known to be good")
		}
	case g.is("torch.storage._load_from_bytes"):
		if c, ok := first(args).(*content); ok {
			m.report.join(c.Report, "")
		} else {
			m.report.add(Suspicious, "loads bytes into which nobody has looked")
		}
	case g.is("copyreg._reconstructor", "copy_reg._reconstructor"):
		if _, ok := first(args).(*global); !ok {
			m.report.add(Suspicious, "makes an object of a class whose name cannot be told")
		}
	}
}

func first(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// build gives an object its state. In joblib's files the bytes of an array may
// follow.
func (m *machine) build() error {
	pair, err := m.popMany(1)
	if err != nil {
		return err
	}
	state := pair[0]
	target, err := m.top()
	if err := m.touched(target, err); err != nil {
		return err
	}
	o, ok := target.(*object)
	if !ok {
		return nil
	}
	o.state = state
	if o.class.is(wrappers...) {
		return m.array(o)
	}
	return nil
}

// inBytes looks into bytes that begin as a pickle.
func (m *machine) inBytes(b []byte) any {
	if m.depth >= maxDepth {
		return unknown{}
	}
	s := newStream(bytes.NewReader(b), m.in.in.w, maxText)
	s.seek = nil
	c, err := m.nested(s)
	if err != nil {
		return unknown{}
	}
	return c
}

// nested looks into bytes that begin as a pickle, or as several. Whether they are
// meant as one is not known, so only what is unsafe in them counts at once; the
// rest does when something loads them. An error is a limit.
func (m *machine) nested(s *stream) (*content, error) {
	c := &content{}
	err := pickles(s, &c.Report, m.depth+1, nil)
	for _, f := range c.Findings {
		if f.Verdict == Unsafe {
			m.report.add(Unsafe, "%s, in a pickle within it", f.What)
		}
	}
	if errors.Is(err, errLimit) {
		return c, err
	}
	if err != nil {
		c.add(Suspicious, "has a pickle within it that could not be read to its end")
	}
	return c, nil
}
