//go:build unix

package mlflow

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
)

// BenchmarkLog takes the processor's time, which other work on the machine does
// not change: of a batch of 1,000 points of ten metrics, and of a single point.
func BenchmarkLog(b *testing.B) {
	w := newWorld(b)
	var made runAnswerWire
	if code := post(b, w, doors["root"]+"/mlflow/runs/create", "developer", `{"experiment_id": "0"}`, &made); code != http.StatusOK {
		b.Fatalf("create a run: %d", code)
	}
	n := 0
	for name, body := range map[string]func() string{
		"batch": func() string {
			metrics := make([]string, 1000)
			for i := range metrics {
				n++
				metrics[i] = fmt.Sprintf(`{"key":"batch-%d","step":%d,"timestamp":%d,"value":%d}`, i%10, n, n, n)
			}
			return fmt.Sprintf(`{"metrics":[%s],"run_id":%q}`, strings.Join(metrics, ","), made.Run.Info.ID)
		},
		"metric": func() string {
			n++
			return fmt.Sprintf(`{"key":"live","run_id":%q,"step":%d,"timestamp":%d,"value":%d}`, made.Run.Info.ID, n, n, n)
		},
	} {
		b.Run(name, func(b *testing.B) {
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				sent := body()
				b.StartTimer()
				begin := processorTime(b)
				if code := post(b, w, doors["root"]+"/mlflow/runs/log-"+name, "developer", sent, nil); code != http.StatusOK {
					b.Fatalf("log: %d", code)
				}
				spent += processorTime(b) - begin
			}
			b.ReportMetric(float64(spent.Microseconds())/1e3/float64(b.N), "cpu-ms/op")
		})
	}
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	apitest.OK(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
