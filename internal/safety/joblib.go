package safety

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// wrappers are the classes behind whose state joblib writes the bytes of an array,
// in the middle of the pickle: joblib/numpy_pickle.py.
var wrappers = []string{"joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper"}

// array passes over the array behind a wrapper.
func (m *machine) array(o *object) error {
	d, ok := o.state.(*dict)
	if !ok {
		return broken("has an array of joblib without a description")
	}
	size, objects := itemSize(d.items["dtype"])
	if objects {
		// A pickle of its own, with a memo of its own.
		return m.apart(nil).run()
	}
	shape, ok := d.items["shape"].(*tuple)
	if !ok || size < 0 || len(shape.items) == maxTuple {
		return beyond("has an array of joblib whose size cannot be told")
	}
	total := size
	for _, v := range shape.items {
		n, ok := v.(int64)
		if !ok || n < 0 || n > 0 && total > math.MaxInt64/n {
			return beyond("has an array of joblib whose size cannot be told")
		}
		total *= n
	}
	if _, aligned := d.items["numpy_array_alignment_bytes"].(int64); aligned {
		pad, err := m.in.byte()
		if err != nil {
			return err
		}
		if err := m.in.skip(int64(pad)); err != nil {
			return err
		}
	}
	return m.in.within(total, m.asPickle)
}

// asPickle reads the bytes of an array as a reader would that is not joblib's: the
// next opcodes. Mostly the first of them is none.
func (m *machine) asPickle() error {
	var r Report
	trial := m.apart(m)
	trial.report = &r
	err := trial.run()
	if r.Verdict >= Suspicious && trial.names > 0 && trial.calls > 0 {
		m.report.join(r, "the bytes of an array")
	}
	if errors.Is(err, errLimit) {
		return err
	}
	return nil
}

// apart is a machine that begins anew, perhaps above another one.
func (m *machine) apart(under *machine) *machine {
	return &machine{in: m.in, report: m.report, depth: m.depth + 1, under: under, kept: m.kept}
}

// itemSize is the size of an element of numpy's type in bytes, -1 for unknown;
// objects are pickled instead. The state of a type is described in
// numpy/_core/src/multiarray/descriptor.c: the last of eight values are flags, of
// which 1 means that there are objects in it.
func itemSize(v any) (size int64, objects bool) {
	o, ok := v.(*object)
	if !ok || !o.class.is("numpy.dtype") {
		return -1, false
	}
	name, _ := first(o.args).(string)
	if state := itemsOf(o.state); len(state) == maxTuple {
		flags, _ := state[maxTuple-1].(int64)
		objects = flags&1 != 0
	}
	name = strings.TrimLeft(name, "<>|=")
	if name == "" {
		return -1, false
	}
	n, err := strconv.ParseInt(name[1:], 10, 32)
	switch {
	case name[0] == 'O':
		return 8, true
	case err != nil || n < 0 || !strings.ContainsRune("biufcSUVMm", rune(name[0])):
		return -1, false
	case name[0] == 'U':
		n *= 4
	}
	return n, objects
}

// pickles reads pickles until nothing is left, as those do who load them one by
// one. What PyTorch's older form has behind its pickles is elements.
func pickles(s *stream, r *Report, depth int, seen *machine) error {
	for n := 0; ; n++ {
		m := &machine{in: s, report: r, depth: depth}
		err := m.run()
		if seen != nil {
			seen.protocol = max(seen.protocol, m.protocol)
			seen.imports, seen.names, seen.calls = seen.imports+m.imports, seen.names+m.names, seen.calls+m.calls
			seen.legacy = seen.legacy || m.legacy
		}
		if err != nil && n > 0 && !errors.Is(err, errLimit) {
			return broken("has something behind its pickle that is none")
		}
		if err != nil {
			return err
		}
		if n == 0 && m.legacy {
			return legacy(s, r, depth)
		}
		if done, err := s.ended(); done || err != nil {
			return err
		}
	}
}

// legacy reads the other pickles of PyTorch's older form: its version, about the
// system, the objects, and the keys of what lies behind.
func legacy(s *stream, r *Report, depth int) error {
	for range 4 {
		m := &machine{in: s, report: r, depth: depth}
		if err := m.run(); err != nil {
			return err
		}
	}
	return nil
}
