package mlflow

import (
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// What MLflow says of the names and tags in its model registry
// (mlflow/utils/validation.py, mlflow/store/model_registry). Which names are
// allowed is the registry's to decide; the words are MLflow's.
const (
	maxRegistryTagKey   = 250
	maxRegistryTagValue = 100_000
	maxAlias            = 255
)

// promptText is the tag in which a version of a prompt has its text.
const promptText = "mlflow.prompt.text"

// rules are those of the door.
func (c *call) rules() registry.Rules {
	if c.door == atGitLab {
		return registry.AddressRules
	}
	return registry.FreeRules
}

// checkModelName checks a name that a model shall get.
func (c *call) checkModelName(where, name string) error {
	err := c.rules().CheckModelName(name)
	switch {
	case err == nil, c.door == atGitLab:
		return err
	case strings.TrimSpace(name) == "":
		return invalid("Missing value for required parameter '" + where + "'.")
	case strings.ContainsAny(name, "/:"):
		return invalid("Invalid model name '" + name + "'. Names cannot contain '/' or ':'.")
	case longer(name, registry.MaxFreeName):
		return tooLong(where, registry.MaxFreeName)
	}
	if bad := (entry{}).checkPathName("name", name); bad != nil {
		return bad
	}
	return err
}

func checkRegistryTag(t registry.Tag) error {
	switch err := checkName(t.Key); {
	case err != nil:
		return err
	case longer(t.Key, maxRegistryTagKey):
		return tooLong("key", maxRegistryTagKey)
	case longer(t.Value, maxRegistryTagValue):
		return tooLong("value", maxRegistryTagValue)
	}
	return nil
}

func checkVersionTag(t registry.Tag) error {
	if t.Key == promptText && longer(t.Value, maxRegistryTagValue) {
		return invalid("Prompt text exceeds max length of " + strconv.Itoa(maxRegistryTagValue) + " characters.")
	}
	return checkRegistryTag(t)
}

// checkAliasName checks a name that an alias shall get.
func (c *call) checkAliasName(name string) error {
	err := c.rules().CheckAlias(name)
	if err == nil || c.door == atGitLab {
		return err
	}
	switch {
	case strings.EqualFold(name, registry.Latest):
		return invalid("'latest' alias name (case insensitive) is reserved.")
	case registry.ReservedAlias(name):
		return invalid("Version alias name '" + name + "' is reserved.")
	}
	return c.aliasForm(name)
}

// aliasForm says what is wrong with a name that no alias can have. One that is
// reserved is none of these.
func (c *call) aliasForm(name string) error {
	switch {
	case c.door == atGitLab, c.rules().CheckAlias(name) == nil, registry.ReservedAlias(name):
		return nil
	case longer(name, maxAlias):
		return tooLong("Registered model alias name", maxAlias)
	}
	return invalid("Invalid alias name: '" + name + "'. Names may only contain alphanumerics, underscores (_), and dashes (-).")
}

// modelExists says that a name is taken; MLflow tells prompts from models.
func modelExists(name string, isPrompt, wantPrompt bool) error {
	noun := map[bool]string{false: "Registered Model", true: "Prompt"}
	msg := noun[wantPrompt] + " (name=" + name + ") already exists."
	if isPrompt != wantPrompt {
		msg = "Tried to create a " + strings.ToLower(noun[wantPrompt]) + " with name " + pythonRepr(name) + ", but the name is already taken by a " +
			strings.ToLower(noun[isPrompt]) + ". MLflow does not allow creating a model and a prompt with the same name."
	}
	return &apiError{code: resourceExists, kind: fault.Conflict, msg: msg}
}

// isMissing reports whether an error is that a parameter is missing.
func isMissing(err error, name string) bool {
	e, ok := asAPI(err)
	return ok && e.missing == name
}

// unknown words that a model, or a version of it, is not there. A name that no
// model can have is told as such.
func (c *call) unknown(err error, name, version string) error {
	e, ok := fault.As(err)
	if !ok || e.Kind != fault.NotFound || e.Noun != "model" && e.Noun != "version" && e.Noun != "alias" {
		return err
	}
	if bad := c.checkModelName("name", name); bad != nil && c.door == atRoot {
		return bad
	}
	switch {
	case e.Noun == "alias":
		return err
	case version != "":
		return absent("Model Version (name=" + name + ", version=" + version + ") not found")
	}
	return absent("Registered Model with name=" + name + " not found")
}

// absent makes a RESOURCE_DOES_NOT_EXIST with MLflow's text.
func absent(msg string) error {
	return &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: msg}
}
