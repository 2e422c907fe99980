package mlflow

import (
	"math"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// correlation asks how far two filters meet the same traces, of those that meet a
// third.
type correlation struct {
	Experiments []string `field:"experiment_ids" check:"array strings required"`
	First       string   `field:"filter_string1" check:"string required"`
	Second      string   `field:"filter_string2" check:"string required"`
	Base        string   `field:"base_filter" check:"string"`
}

type correlationAnswer struct {
	NPMI     *double `json:"npmi,omitempty"`
	Smoothed *double `json:"npmi_smoothed,omitempty"`
	First    int64   `json:"filter1_count"`
	Second   int64   `json:"filter2_count"`
	Joint    int64   `json:"joint_count"`
	Total    int64   `json:"total_count"`
}

func correlateTraces(c *call, in correlation) (correlationAnswer, error) {
	experiments, err := parseExperimentIDs(in.Experiments)
	if err != nil {
		return correlationAnswer{}, err
	}
	q := registry.TraceOverlap{Experiments: experiments}
	for _, f := range []struct {
		text string
		into *registry.Filter
	}{{in.Base, &q.Base}, {in.First, &q.First}, {in.Second, &q.Second}} {
		if *f.into, err = traceGrammar.filter(f.text); err != nil {
			return correlationAnswer{}, err
		}
	}
	n, err := c.s.OverlapTraces(c.ctx(), c.ref, q)
	return correlationAnswer{NPMI: npmi(n, 0), Smoothed: npmi(n, jeffreys), First: n.First, Second: n.Second, Joint: n.Both, Total: n.All}, err
}

// jeffreys is what is added to each count to smooth it, Jeffreys' prior.
const jeffreys = 0.5

// npmi is the normalized pointwise mutual information of two events: 1 if they
// come together always, 0 if they are independent, -1 if they never meet; nil if
// one never comes (mlflow/store/analytics/trace_correlation.py).
func npmi(n registry.TraceCounts, smoothing float64) *double {
	first, second, neither := n.First-n.Both, n.Second-n.Both, n.All-n.First-n.Second+n.Both
	switch {
	case n.First == 0 || n.Second == 0:
		return nil
	case first == 0 && second == 0 && neither == 0:
		return new(double(1))
	case n.Both == 0 && smoothing == 0:
		return new(double(-1))
	}
	joint := float64(n.Both) + smoothing
	all := float64(n.All) + 4*smoothing
	one, two := joint+float64(first)+smoothing, joint+float64(second)+smoothing
	pmi := (math.Log(joint) + math.Log(all)) - (math.Log(one) + math.Log(two))
	return new(double(max(-1, min(1, pmi/(math.Log(all)-math.Log(joint))))))
}
