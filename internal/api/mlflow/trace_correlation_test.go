package mlflow

import (
	"math"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestNPMI: the numbers are those of calculate_npmi_from_counts in
// mlflow/store/analytics/trace_correlation.py.
func TestNPMI(t *testing.T) {
	for _, c := range []struct {
		n               registry.TraceCounts
		plain, smoothed float64
	}{
		{registry.TraceCounts{All: 4, First: 3, Second: 3, Both: 2}, -0.1699250014423129, -0.0737188187126344},
		{registry.TraceCounts{All: 4, First: 2, Second: 2, Both: 1}, 0, 0},
		{registry.TraceCounts{All: 4, First: 3, Second: 1}, -1, -0.3947147282556492},
		{registry.TraceCounts{All: 3, First: 3, Second: 3, Both: 3}, 1, 1},
	} {
		plain, smoothed := npmi(c.n, 0), npmi(c.n, jeffreys)
		if math.Abs(float64(*plain)-c.plain) > 1e-12 || math.Abs(float64(*smoothed)-c.smoothed) > 1e-12 {
			t.Errorf("%+v: %v %v, want %v %v", c.n, *plain, *smoothed, c.plain, c.smoothed)
		}
	}
	if got := npmi(registry.TraceCounts{All: 4, First: 3}, jeffreys); got != nil {
		t.Errorf("what never comes: %v", *got)
	}
}
