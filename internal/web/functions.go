package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

// functions are the words of the templates.
func (d *door) functions() template.FuncMap {
	return template.FuncMap{
		"asset":         d.assets.Address,
		"bytes":         humanBytes,
		"count":         grouped,
		"plural":        plural,
		"when":          when,
		"short":         shortDigest,
		"path":          escapePath,
		"segment":       url.PathEscape,
		"first":         firstLetter,
		"dict":          dict,
		"prose":         d.cardOf,
		"shape":         shapeOf,
		"many":          manyOf,
		"figure":        figure,
		"param":         paramOf,
		"metric":        metricOf,
		"join":          strings.Join,
		"role":          roleName,
		"day":           day,
		"percent":       func(part, whole int64) int64 { return 100 * part / max(whole, 1) }, // 100 is full
		"share":         func(part, whole int64) int64 { return (200*part + whole) / max(2*whole, 1) },
		"files":         func(n int) string { return plural(int64(n), "file") },
		"oras":          d.orasPull,
		"hub":           hubDownload,
		"cli":           cliName,
		"verdict":       verdictWord,
		"verdictClass":  verdictClass,
		"verdictOfFile": verdictOfFile,
	}
}

// humanBytes gives a size as people say it; the exact figure belongs beside it.
func humanBytes(n int64) string {
	const unit = 1024
	if n < unit {
		return plural(n, "byte")
	}
	v, u := float64(n)/unit, 0
	for v >= unit && u < 5 {
		v, u = v/unit, u+1
	}
	return fmt.Sprintf("%.3g %ciB", v, "KMGTPE"[u])
}

// grouped writes a number with thin spaces between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	if neg {
		return "−" + s
	}
	return s
}

// manyOf writes a large number as people say it; the exact one belongs beside it.
func manyOf(n int64) string {
	v, u := float64(n), 0
	for v >= 1000 && u < 4 {
		v, u = v/1000, u+1
	}
	if u == 0 {
		return grouped(n)
	}
	return fmt.Sprintf("%.3g %s", v, [...]string{"", "thousand", "million", "billion", "trillion"}[u])
}

// shapeOf writes the dimensions of a tensor.
func shapeOf(dims []int64) string {
	if len(dims) == 0 {
		return "scalar"
	}
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = strconv.FormatInt(d, 10)
	}
	return strings.Join(parts, " × ")
}

// plural counts a noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// when writes a time so that a script can turn it into the reader's zone, and
// without one it reads well enough.
func when(t time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	t = t.UTC()
	// Both forms are digits, letters and punctuation of ours.
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `" title="` + t.Format("2006-01-02 15:04:05") + ` UTC">` +
		t.Format("2 Jan 2006, 15:04") + ` UTC</time>`)
}

// day writes a day as date fields have it; no day is empty.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// shortDigest gives the beginning of a digest, which people compare by eye.
func shortDigest(d blob.Digest) string {
	hex := strings.TrimPrefix(string(d), "sha256:")
	return hex[:min(12, len(hex))]
}

// escapePath writes a path with slashes into an address.
func escapePath(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		parts[i] = url.PathEscape(s)
	}
	return strings.Join(parts, "/")
}

// firstLetter stands for a picture of somebody or something.
func firstLetter(s string) string {
	for _, r := range s {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// dict gives several values to a part: key, value, key, value …
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("web: dict has a key without a value")
	}
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("web: dict key %v is no text", pairs[i])
		}
		out[key] = pairs[i+1]
	}
	return out, nil
}
