package cli

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/client"
)

func metric(name string, v float64, step, at int64) client.Metric {
	return client.Metric{Name: name, Value: client.Number(v), Step: step, Timestamp: at}
}

func TestParseReading(t *testing.T) {
	metrics := func(ms ...client.Metric) reading { return reading{metrics: ms} }
	tests := map[string]reading{
		"acc=0.9":                              metrics(metric("acc", 0.9, noStep, 0)),
		"  epoch=2, loss=1e-3; step=7  ":       metrics(metric("epoch", 2, 7, 0), metric("loss", 1e-3, 7, 0)),
		"metric val/acc=1 top@5=nan step=-1":   metrics(metric("val/acc", 1, -1, 0), metric("top@5", math.NaN(), -1, 0)),
		"epoch=3/10 loss=inf":                  metrics(metric("loss", math.Inf(1), noStep, 0)),
		`{"acc": 0.9, "loss": 1, "step": 3}`:   metrics(metric("acc", 0.9, 3, 0), metric("loss", 1, 3, 0)),
		`{"loss": NaN, "m": "NaN in text"}`:    metrics(metric("loss", math.NaN(), noStep, 0)),
		`{"a": -Infinity, "b": "Infinity"}`:    metrics(metric("a", math.Inf(-1), noStep, 0), metric("b", math.Inf(1), noStep, 0)),
		`{"a": 1, "timestamp": 1700000000.5}`:  metrics(metric("a", 1, noStep, 1700000000500)),
		`{"a": 1, "timestamp": 1700000000123}`: metrics(metric("a", 1, noStep, 1700000000123)),
		`{"a": 1, "timestamp": "2023-11-14T22:13:20Z", "level": "info", "v": "1.0", "ok": true, "x": null}`: metrics(metric("a", 1, noStep, 1700000000000)),
		`{"a": 1, "step": 1.5}`:     metrics(metric("a", 1, noStep, 0)),
		`param lr=0.1 opt="adam w"`: {params: []client.Param{{Name: "lr", Value: "0.1"}, {Name: "opt", Value: "adam w"}}},
		"tag url=http://h/?a=1&b=2": {tags: []client.Tag{{Name: "url", Value: "http://h/?a=1&b=2"}}},
		`{"params": {"n": 3, "s": "x", "l": [1, 2]}, "tags": {"t": true}, "metrics": {"acc": 1}, "step": 2}`: {
			metrics: []client.Metric{metric("acc", 1, 2, 0)}, tags: []client.Tag{{Name: "t", Value: "true"}},
			params: []client.Param{{Name: "l", Value: "[1, 2]"}, {Name: "n", Value: "3"}, {Name: "s", Value: "x"}}},
	}
	for line, want := range tests {
		got, ok := parseReading(line)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(reading{}), cmp.Comparer(func(a, b client.Number) bool { return a.String() == b.String() })); diff != "" || !ok {
			t.Errorf("%s: %v %s", line, ok, diff)
		}
	}
	for _, line := range []string{"", "loading data", "INFO acc=0.9", "http://host/?a=1", "--lr=0.1", "acc=high", "step=3", "param", "param lr",
		"=1", "{", "{}", `{"step": 3}`, `{"msg": "x"}`, "[1, 2]", "acc = 0.9", strings.Repeat("x", 300) + "=1"} {
		if got, ok := parseReading(line); ok {
			t.Errorf("%q is a reading: %+v", line, got)
		}
	}
}

// FuzzParseReading: no line breaks the parser, and what it takes is what a
// server can take.
func FuzzParseReading(f *testing.F) {
	for _, seed := range []string{"acc=0.9, step=3", `{"a": NaN, "b\"": "NaN"}`, `param a="b c"`, `{"metrics":{"a":1e400},"step":-0.0}`, "tag \xff=1", `{"a":"\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, ok := parseReading(line)
		if ok == r.empty() {
			t.Errorf("%v, but %+v", ok, r)
		}
		for _, m := range r.metrics {
			if !goodName(m.Name) {
				t.Errorf("a metric is called %q", m.Name)
			}
		}
		for _, p := range append(r.tags, tagsLike(r.params)...) {
			if !goodName(p.Name) {
				t.Errorf("an entry is called %q", p.Name)
			}
		}
	})
}

func tagsLike(ps []client.Param) []client.Tag {
	out := make([]client.Tag, len(ps))
	for i, p := range ps {
		out[i] = client.Tag(p)
	}
	return out
}
