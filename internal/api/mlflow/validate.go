package mlflow

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
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

var (
	entityName = regexp.MustCompile(`^[/\p{L}\p{N}_.\- :]*$`)
	runIDForm  = regexp.MustCompile(`^[a-zA-Z0-9][\p{L}\p{N}_\-]{0,255}$`)
)

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

// checkName checks the name of a metric, parameter or tag.
func checkName(where, name string) error {
	if !entityName.MatchString(name) {
		return invalidValue(where, name, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).")
	}
	if norm := cleanPath(name); norm != name || norm == "." || strings.HasPrefix(norm, "..") || strings.HasPrefix(norm, "/") {
		return invalidValue(where, name, "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to "+pythonRepr(norm))
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
	switch err := checkName("key", t.Key); {
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
	if i := strings.IndexAny(uri, "#;"); i >= 0 && strings.Contains(uri, ":") {
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
