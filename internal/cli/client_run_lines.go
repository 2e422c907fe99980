package cli

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// reading is what one line of a training tells.
type reading struct {
	params  []client.Param
	metrics []client.Metric // Step noStep: not told; Timestamp 0: not told
	tags    []client.Tag
}

func (r reading) empty() bool { return len(r.params)+len(r.metrics)+len(r.tags) == 0 }

// noStep marks a metric whose line does not tell the step.
const noStep = math.MinInt64

// maxLoggedName is the longest name that a server takes, in characters.
const maxLoggedName = 250

func goodName(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxLoggedName
}

// parseReading reads a line; one that tells nothing is other output of the
// training, and no mistake.
func parseReading(line string) (reading, bool) {
	line = strings.TrimSpace(line)
	var r reading
	if strings.HasPrefix(line, "{") {
		r = parseObject(line)
	} else {
		r = parsePairs(line)
	}
	return r, !r.empty()
}

// object is a line of JSON: the form with sorts, or a flat one.
type object struct {
	Metrics map[string]json.RawMessage `json:"metrics"`
	Params  map[string]json.RawMessage `json:"params"`
	Tags    map[string]json.RawMessage `json:"tags"`
}

func parseObject(line string) reading {
	var flat map[string]json.RawMessage
	data := []byte(quoteBare(line))
	if json.Unmarshal(data, &flat) != nil {
		return reading{}
	}
	step, at := stepOf(flat["step"]), momentOf(flat["timestamp"])
	var o object
	if json.Unmarshal(data, &o) == nil && len(o.Metrics)+len(o.Params)+len(o.Tags) > 0 {
		return o.reading(step, at)
	}
	delete(flat, "step")
	delete(flat, "timestamp")
	return reading{metrics: metricsOf(flat, step, at)}
}

func (o object) reading(step, at int64) reading {
	r := reading{metrics: metricsOf(o.Metrics, step, at)}
	for _, name := range slices.Sorted(maps.Keys(o.Params)) {
		if goodName(name) {
			r.params = append(r.params, client.Param{Name: name, Value: textOf(o.Params[name])})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Tags)) {
		if goodName(name) {
			r.tags = append(r.tags, client.Tag{Name: name, Value: textOf(o.Tags[name])})
		}
	}
	return r
}

// metricsOf takes what is a number; the rest of an object is not for us.
func metricsOf(fields map[string]json.RawMessage, step, at int64) []client.Metric {
	var out []client.Metric
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if v, ok := numberOf(fields[name]); ok && goodName(name) {
			out = append(out, client.Metric{Name: name, Value: v, Step: step, Timestamp: at})
		}
	}
	return out
}

// numberOf reads a number, or the name of one that JSON cannot write. Digits in
// quotes are text.
func numberOf(raw json.RawMessage) (client.Number, bool) {
	switch string(raw) {
	case `"NaN"`, `"Infinity"`, `"-Infinity"`:
	default:
		if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
			return 0, false
		}
	}
	var n client.Number
	err := json.Unmarshal(raw, &n)
	return n, err == nil
}

// textOf is a value as people write it: text without its quotes.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func stepOf(raw json.RawMessage) int64 {
	n, ok := numberOf(raw)
	if f := float64(n); !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return noStep
	}
	return int64(n)
}

// secondsEnd separates seconds from milliseconds since 1970.
const secondsEnd = 1e11

// momentOf reads seconds or milliseconds since 1970, or RFC 3339; 0: neither.
func momentOf(raw json.RawMessage) int64 {
	if t, err := time.Parse(time.RFC3339, textOf(raw)); err == nil {
		return t.UnixMilli()
	}
	n, ok := numberOf(raw)
	switch f := float64(n); {
	case !ok || math.IsNaN(f) || f <= 0 || f > 1e14:
		return 0
	case f < secondsEnd:
		return int64(f * 1000)
	}
	return int64(n)
}

// bare are the numbers that Python's json writes and JSON does not have.
var bare = regexp.MustCompile(`^-?(NaN|Infinity)\b`)

// quoteBare puts quotes around them.
func quoteBare(s string) string {
	if !strings.Contains(s, "NaN") && !strings.Contains(s, "Infinity") {
		return s
	}
	var b strings.Builder
	inText := false
	for i := 0; i < len(s); i++ {
		if inText && s[i] == '\\' && i+1 < len(s) {
			b.WriteString(s[i : i+2])
			i++
			continue
		}
		if s[i] == '"' {
			inText = !inText
		}
		if word := bare.FindString(s[i:]); !inText && word != "" {
			b.WriteString(strconv.Quote(word))
			i += len(word) - 1
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// plainName are the names of metrics in lines of key=value: others are parts of
// addresses and command lines more often than measurements.
var plainName = regexp.MustCompile(`^[\pL_][\pL\pN_./@%-]*$`)

// parsePairs reads "key=value key=value …", perhaps after the word metric,
// param or tag. A line with any other word is no reading.
func parsePairs(line string) reading {
	words := splitWords(line)
	if len(words) == 0 {
		return reading{}
	}
	sort := words[0]
	if sort == "metric" || sort == "param" || sort == "tag" {
		words = words[1:]
	}
	pairs := make([]client.Tag, len(words))
	for i, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok || !goodName(k) || !utf8.ValidString(v) {
			return reading{}
		}
		pairs[i] = client.Tag{Name: k, Value: v}
	}
	switch sort {
	case "param":
		return reading{params: paramsOf(pairs)}
	case "tag":
		return reading{tags: pairs}
	}
	return reading{metrics: pairedMetrics(pairs)}
}

func pairedMetrics(pairs []client.Tag) []client.Metric {
	step := int64(noStep)
	var out []client.Metric
	for _, p := range pairs {
		text := strings.TrimRight(p.Value, ",;")
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && p.Name == "step" {
			step = n
			continue
		}
		if v, err := strconv.ParseFloat(text, 64); err == nil && plainName.MatchString(p.Name) {
			out = append(out, client.Metric{Name: p.Name, Value: client.Number(v)})
		}
	}
	for i := range out {
		out[i].Step = step
	}
	return out
}

// splitWords splits at blanks; "…" keeps them in a word.
func splitWords(s string) []string {
	var words []string
	var b strings.Builder
	quoted, in := false, false
	for _, r := range s {
		switch {
		case r == '"':
			quoted, in = !quoted, true
		case !quoted && (r == ' ' || r == '\t'):
			if in {
				words = append(words, b.String())
			}
			b.Reset()
			in = false
		default:
			b.WriteRune(r)
			in = true
		}
	}
	if in {
		words = append(words, b.String())
	}
	return words
}
