package mlflow

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// What MLflow says of names, lengths and batches (mlflow/utils/validation.py);
// the texts are its own. The registry's limits are the same or wider: what
// another door wrote may be longer or use other characters.
const (
	maxEntityKey        = 250
	maxParamValue       = 6000
	maxRunTagValue      = 8000
	maxExperimentName   = 500
	maxExperimentTag    = 20_000
	maxMetricsPerBatch  = 1000
	maxParamsPerBatch   = 100
	maxTagsPerBatch     = 100
	maxEntitiesPerBatch = 1000
	maxLocation         = 2048
)

// entityName is MLflow's expression [/\w.\- :]*, which a batch asks a thousand
// times.
func entityName(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("/_.- :", r)
	}) < 0
}

var runIDForm = regexp.MustCompile(`^[a-zA-Z0-9][\p{L}\p{N}_\-]*$`)

// maxRunID bounds the id of a run, in characters. The bound is no part of
// runIDForm: the classes of letters, repeated that often, take 5 MB.
const maxRunID = 256

// looksLikeRunID reports whether MLflow takes a text for a run's id.
func looksLikeRunID(s string) bool {
	return utf8.RuneCountInString(s) <= maxRunID && runIDForm.MatchString(s)
}

func invalidValue(where, value, why string) error {
	msg := "Invalid value " + pythonString(value) + " for parameter '" + where + "' supplied"
	if why == "" {
		return invalid(msg + ".")
	}
	return invalid(msg + ": " + why)
}

func tooLong(where string, most int) error {
	return invalid("'" + where + "' exceeds the maximum length of " + strconv.Itoa(most) + " characters")
}

// entry is a place in a list of a message; the zero one is the message itself.
type entry struct {
	list string
	i    int
}

// at names a field for a person.
func (e entry) at(field string) string {
	if e.list == "" {
		return field
	}
	return e.list + "[" + strconv.Itoa(e.i) + "]." + field
}

// checkName checks the key of a message.
func checkName(key string) error { return entry{}.checkName("key", key) }

// checkName checks the name of a metric, parameter or tag.
func (e entry) checkName(field, name string) error {
	if !entityName(name) {
		return invalidValue(e.at(field), name, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).")
	}
	return e.checkPathName(field, name)
}

// checkPathName refuses a name that would be another one as a path.
func (e entry) checkPathName(field, name string) error {
	if norm := cleanPath(name); norm != name || norm == "." || strings.HasPrefix(norm, "..") || strings.HasPrefix(norm, "/") {
		return invalidValue(e.at(field), name, "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to "+pythonRepr(norm))
	}
	return nil
}

// cleanPath is Python's posixpath.normpath, which keeps two slashes in front.
func cleanPath(s string) string {
	clean := path.Clean(s)
	if strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///") {
		clean = "/" + clean
	}
	return clean
}

func longer(s string, most int) bool { return len(s) > most && utf8.RuneCountInString(s) > most }

// cutTo cuts a text to so many characters, as MLflow's server does with values
// that are too long for it.
func cutTo(s string, most int) string {
	if !longer(s, most) {
		return s
	}
	return string([]rune(s)[:most])
}

func checkExperimentName(name string) error {
	if longer(name, maxExperimentName) {
		return tooLong("name", maxExperimentName)
	}
	return nil
}

func checkExperimentTag(t registry.Tag) error {
	switch err := checkName(t.Key); {
	case err != nil:
		return err
	case longer(t.Key, maxEntityKey):
		return tooLong("key", maxEntityKey)
	case longer(t.Value, maxExperimentTag):
		return tooLong("value", maxExperimentTag)
	}
	return nil
}

// checkLocation checks where clients shall put artifacts.
func checkLocation(uri string) error {
	scheme, _, ok := strings.Cut(uri, ":")
	// Of the schemes that people keep artifacts under, urllib knows parameters
	// in these only.
	params := !ok || slices.Contains([]string{"http", "https", "ftp", "sftp"}, scheme)
	if strings.Contains(uri, "#") || params && strings.Contains(uri, ";") {
		return invalid("'artifact_location' URL can't include fragments or params.")
	}
	if _, query, ok := strings.Cut(uri, "?"); ok && strings.Contains(decoded(query), "..") {
		return invalid("Invalid query string")
	}
	if strings.HasPrefix(uri, "runs:") {
		return invalid("Artifact location cannot be a runs:/ URI. Given: '" + uri + "'")
	}
	if longer(uri, maxLocation) {
		return invalid(fmt.Sprintf("Invalid artifact path length. The length of the artifact path cannot be greater than %d characters.", maxLocation))
	}
	return nil
}

func (e entry) checkMetric(m metricIn) error {
	key := deref(m.Key)
	if err := e.checkName("name", key); err != nil {
		return err
	}
	if t := deref(m.Timestamp); t < 0 || t > maxMetricTime {
		return invalid(fmt.Sprintf("Invalid value %d for parameter '%s' supplied: metric '%s' (value=%s). Timestamp must be a nonnegative long (64-bit integer) ",
			t, e.at("timestamp"), key, pythonFloat(deref(m.Value))))
	}
	if (m.Dataset == "") != (m.Digest == "") {
		return invalid("Both dataset_name and dataset_digest must be provided if one is provided")
	}
	if longer(key, maxEntityKey) {
		return tooLong("Metric name", maxEntityKey)
	}
	return nil
}

// maxMetricTime is the last time of a metric, in ms, that fits into the
// microseconds in which it is kept.
const maxMetricTime = 1<<63/1000 - 1

func (e entry) checkParam(p tagJSON) (registry.Param, error) {
	switch err := e.checkName("key", p.Key); {
	case err != nil:
		return registry.Param{}, err
	case longer(p.Key, maxEntityKey):
		return registry.Param{}, tooLong("Param key", maxEntityKey)
	}
	return registry.Param{Key: p.Key, Value: cutTo(p.Value, maxParamValue)}, nil
}

func (e entry) checkRunTag(t tagJSON) (registry.Tag, error) {
	switch err := e.checkName("key", t.Key); {
	case err != nil:
		return registry.Tag{}, err
	case longer(t.Key, maxEntityKey):
		return registry.Tag{}, tooLong(e.at("key"), maxEntityKey)
	}
	return registry.Tag{Key: t.Key, Value: cutTo(t.Value, maxRunTagValue)}, nil
}

func checkBatch(metrics, params, tags int) error {
	for _, l := range []struct {
		what      string
		most, has int
	}{{"metrics", maxMetricsPerBatch, metrics}, {"params", maxParamsPerBatch, params}, {"tags", maxTagsPerBatch, tags},
		{"metrics, params, and tags", maxEntitiesPerBatch, metrics + params + tags}} {
		if l.has > l.most {
			return invalid(fmt.Sprintf("A batch logging request can contain at most %d %s. Got %d %s. Please split up %s across multiple requests and try again.",
				l.most, l.what, l.has, l.what, l.what))
		}
	}
	return nil
}

func checkUniqueParams(ps []registry.Param) error {
	seen := map[string]bool{}
	var twice []string
	for _, p := range ps {
		if seen[p.Key] {
			twice = append(twice, p.Key)
		}
		seen[p.Key] = true
	}
	if twice == nil {
		return nil
	}
	return invalid("Duplicate parameter keys have been submitted: " + pythonList(twice) + ". Please ensure the request contains only one param value per param key.")
}

func deref[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
