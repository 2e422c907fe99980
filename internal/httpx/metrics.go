package httpx

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics holds the collectors, and for each combination of labels that has
// come up the handles, so that a request looks labels up once.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	bytesIn  *prometheus.CounterVec
	bytesOut *prometheus.CounterVec

	mu      sync.RWMutex
	handles map[labels]*handles
}

type labels struct {
	door, method string
	status       int // 0 for an answer that was cut off
}

type handles struct {
	requests, bytesIn, bytesOut prometheus.Counter
	seconds                     prometheus.Observer
}

// Metrics counts requests in reg, which must not hold these metrics yet:
//
//	vitrine_http_requests_total{door,method,code}
//	vitrine_http_request_seconds{door,method}
//	vitrine_http_requests_in_flight
//	vitrine_http_request_bytes_total{door}
//	vitrine_http_response_bytes_total{door}
//
// The door is the name of the [Mount], or "none"; code is "aborted" where the
// connection was cut.
func Metrics(reg prometheus.Registerer) Middleware {
	m := newMetrics()
	reg.MustRegister(m.requests, m.seconds, m.inFlight, m.bytesIn, m.bytesOut)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec, r := enter(w, r)
			m.inFlight.Inc()
			ended := false
			defer func() {
				m.inFlight.Dec()
				m.observe(rec, r.Method, ended)
			}()
			next.ServeHTTP(rec, r)
			rec.begin() // a handler that wrote nothing has answered 200
			ended = true
		})
	}
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &metrics{
		requests: counter("vitrine_http_requests_total", "Requests answered.", "door", "method", "code"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "vitrine_http_request_seconds",
			Help: "Time from the arrival of the header to the end of the answer.",
			// From a cached read to an upload of many gigabytes.
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600},
		}, []string{"door", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vitrine_http_requests_in_flight", Help: "Requests being served now."}),
		bytesIn:  counter("vitrine_http_request_bytes_total", "Bytes of request bodies read.", "door"),
		bytesOut: counter("vitrine_http_response_bytes_total", "Bytes of answer bodies written.", "door"),
		handles:  map[labels]*handles{},
	}
}

func (m *metrics) observe(rec *recorder, method string, ended bool) {
	x := rec.x
	l := labels{door: x.door, method: knownMethod(method), status: rec.status}
	if l.door == "" {
		l.door = "none"
	}
	if !ended {
		l.status = 0
	}
	h := m.lookup(l)
	h.requests.Inc()
	h.seconds.Observe(time.Since(x.start).Seconds())
	h.bytesIn.Add(float64(x.body.n))
	h.bytesOut.Add(float64(rec.bytes))
}

func (m *metrics) lookup(l labels) *handles {
	m.mu.RLock()
	h := m.handles[l]
	m.mu.RUnlock()
	if h != nil {
		return h
	}
	code := "aborted"
	if l.status != 0 {
		code = strconv.Itoa(l.status)
	}
	h = &handles{
		requests: m.requests.WithLabelValues(l.door, l.method, code),
		seconds:  m.seconds.WithLabelValues(l.door, l.method),
		bytesIn:  m.bytesIn.WithLabelValues(l.door),
		bytesOut: m.bytesOut.WithLabelValues(l.door),
	}
	m.mu.Lock()
	m.handles[l] = h
	m.mu.Unlock()
	return h
}

// knownMethod keeps clients from inventing label values.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	}
	return "OTHER"
}
