//go:build unix

package mlflow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
)

// BenchmarkArtifacts puts files of a run, and gets one, over HTTP by four
// connections for each core. The processor's time is that of client and server.
func BenchmarkArtifacts(b *testing.B) {
	w := newWorld(b)
	server := httptest.NewServer(w.Handler)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	home := server.URL + proxied + "candidate:" + fmt.Sprint(w.IDs["private/run"]) + "/"
	ask := func(method, path string, body io.Reader) error {
		req, err := http.NewRequestWithContext(b.Context(), method, home+path, body)
		if err != nil {
			return err
		}
		req.Header.Set("Private-Token", w.Tokens["developer"])
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s: %s, %w", method, path, res.Status, err)
		}
		return nil
	}
	var count atomic.Uint64
	for _, size := range []int{1 << 10, 1 << 20} {
		content, there := bytes.Repeat([]byte("v"), size), fmt.Sprintf("get%d", size)
		apitest.OK(b, ask(http.MethodPut, there, bytes.NewReader(content)))
		for name, do := range map[string]func() error{
			"down": func() error { return ask(http.MethodGet, there, nil) },
			"up": func() error {
				mine, n := bytes.Clone(content), count.Add(1)
				binary.LittleEndian.PutUint64(mine, n)
				return ask(http.MethodPut, fmt.Sprintf("f%d", n), bytes.NewReader(mine))
			},
		} {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, name), func(b *testing.B) {
				begin := processorTime(b)
				b.SetParallelism(4)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := do(); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64((processorTime(b)-begin).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}
