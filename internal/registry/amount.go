package registry

import (
	"context"
	"math"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Amount is how much of something a trace, or one of its steps, took.
type Amount struct {
	Key   string
	Value float64
}

// What is counted of traces and their steps.
const (
	InputTokens       = "input_tokens"
	OutputTokens      = "output_tokens"
	TotalTokens       = "total_tokens"
	CacheReadTokens   = "cache_read_input_tokens"
	CacheMadeTokens   = "cache_creation_input_tokens"
	CacheMadeLongTime = "cache_creation_input_tokens_above_1hr"
	InputCost         = "input_cost" // in dollars, as the other costs
	OutputCost        = "output_cost"
	TotalCost         = "total_cost"
)

// amountGroup are amounts that are told together.
type amountGroup struct {
	always []string // are 0 where others of the group are told
	more   []string
}

var amountGroups = []amountGroup{
	{always: []string{InputTokens, OutputTokens, TotalTokens}, more: []string{CacheReadTokens, CacheMadeTokens, CacheMadeLongTime}},
	{always: []string{InputCost, OutputCost, TotalCost}},
}

func (g amountGroup) has(key string) bool {
	return slices.Contains(g.always, key) || slices.Contains(g.more, key)
}

// of gives those of the group.
func (g amountGroup) of(as []Amount) (out []Amount) {
	for _, a := range as {
		if g.has(a.Key) {
			out = append(out, a)
		}
	}
	return out
}

// IsAmount reports whether there is an amount of a name.
func IsAmount(key string) bool {
	return slices.ContainsFunc(amountGroups, func(g amountGroup) bool { return g.has(key) })
}

func checkAmounts(as []Amount) error {
	for _, a := range as {
		if !IsAmount(a.Key) || math.IsNaN(a.Value) || math.IsInf(a.Value, 0) {
			return fault.Invalidf("amounts", "have an unknown name or are no number: %s", a.Key)
		}
	}
	return nil
}

// CountedStep is a step of a trace with what was counted of it.
type CountedStep struct {
	EID, Parent string
	Amounts     []Amount
}

// sum adds up a group of amounts of the steps of one trace. What a step tells
// includes what the steps inside of it tell.
func (g amountGroup) sum(steps []CountedStep) []Amount {
	own := make(map[string][]Amount, len(steps)) // by step
	inside := make(map[string][]string, len(steps))
	for _, s := range steps {
		own[s.EID] = g.of(s.Amounts)
	}
	var next []string
	for _, s := range steps {
		if _, ok := own[s.Parent]; ok && s.Parent != "" {
			inside[s.Parent] = append(inside[s.Parent], s.EID)
		} else {
			next = append(next, s.EID)
		}
	}
	totals := map[string]float64{}
	for len(next) > 0 {
		eid := next[len(next)-1]
		if next = next[:len(next)-1]; len(own[eid]) == 0 {
			next = append(next, inside[eid]...)
		}
		for _, a := range own[eid] {
			totals[a.Key] += a.Value
		}
	}
	return g.listed(totals)
}

func (g amountGroup) listed(totals map[string]float64) (out []Amount) {
	if len(totals) == 0 {
		return nil
	}
	for _, key := range g.always {
		out = append(out, Amount{key, totals[key]})
	}
	for _, key := range g.more {
		if v, ok := totals[key]; ok {
			out = append(out, Amount{key, v})
		}
	}
	return out
}

// count writes what the steps of a trace add up to, where some of b tell of it
// and nobody has told it of the trace by PutTrace.
func (b SpanBatch) count(ctx context.Context, tx Tx, id int64, t Trace) error {
	var news []Amount
	for _, sp := range b.Spans {
		news = append(news, sp.Amounts...)
	}
	var steps []CountedStep
	for _, g := range amountGroups {
		if len(g.of(news)) == 0 || t.Told && len(g.of(t.Amounts)) > 0 {
			continue
		}
		if steps == nil {
			var err error
			if steps, err = tx.CountedSteps(ctx, id); err != nil {
				return err
			}
		}
		if err := tx.SetAmounts(ctx, id, g.sum(steps)); err != nil {
			return err
		}
	}
	return nil
}
