package main

import (
	"fmt"
	"slices"
	"time"
)

// table prints rows as they come and counts missed targets.
type table struct{ rows, missed int }

const rowFormat = "%-34s %-24s %-34s %6s  %-9s %s\n"

func (t *table) head() {
	fmt.Printf(rowFormat, "what", "ours", "baseline", "ratio", "target", "")
}

func (t *table) row(what, ours, baseline, ratio, target string, ok bool) {
	word := "ok"
	t.rows++
	if !ok {
		word = "MISS"
		t.missed++
	}
	fmt.Printf(rowFormat, what, ours, baseline, ratio, target, word)
}

// rate compares two series of rates; the ratio of medians must reach least.
func (t *table) rate(what, unit string, ours, baseline []float64, note string, least float64) {
	r := median(ours) / median(baseline)
	t.row(what, series(ours, unit), note+series(baseline, unit), fmt.Sprintf("%.2f", r), fmt.Sprintf(">= %.2f", least), r >= least)
}

// slower compares two series of times by their medians; ours may take at most
// factor times as long.
func (t *table) slower(what string, ours, baseline []time.Duration, factor float64) {
	r := float64(percentile(ours, 50)) / float64(percentile(baseline, 50))
	t.row(what, times(ours), times(baseline), fmt.Sprintf("%.2f", r), fmt.Sprintf("<= %.2f", factor), r <= factor)
}

// most checks a value against a bound of its own.
func (t *table) most(what, unit string, v, bound float64, note string) {
	t.row(what, fmt.Sprintf("%.3g %s", v, unit), note, "", fmt.Sprintf("< %g", bound), v < bound)
}

// series shows the median, and in brackets the least and the greatest value.
func series(v []float64, unit string) string {
	return fmt.Sprintf("%.4g %s (%.4g-%.4g)", median(v), unit, slices.Min(v), slices.Max(v))
}

// times shows the median and the 95th percentile.
func times(v []time.Duration) string {
	ms := func(p int) float64 { return float64(percentile(v, p).Microseconds()) / 1e3 }
	return fmt.Sprintf("p50 %.3f p95 %.3f ms", ms(50), ms(95))
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func percentile(v []time.Duration, p int) time.Duration {
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)-1, len(s)*p/100)]
}
