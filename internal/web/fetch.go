package web

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// plainWord needs no quotes in a shell, hubName none anywhere: it is what
// huggingface_hub takes for the name of a repository.
var (
	plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)
	hubName   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$`)
)

// shellWord makes one word of a text for a shell: the name of a model may have
// any character, and is in commands that people copy.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// cliName names a model, or with a semantic version one of its versions, as the
// command line takes it, as a word of a shell.
func cliName(project, model, semver string) string {
	between := "/"
	if strings.Contains(model, "/") {
		between = "//"
	}
	if semver != "" {
		semver = ":" + semver
	}
	return shellWord(project + between + model + semver)
}

// hubDownload gives the commands that fetch a version with huggingface_hub; none
// where that takes no such name.
func hubDownload(server string, p *registry.Project, v registry.Version) string {
	if !hubName.MatchString(v.ModelName) || strings.Contains(v.ModelName, "--") || strings.Contains(v.ModelName, "..") {
		return ""
	}
	return fmt.Sprintf("# pip install huggingface_hub\nexport HF_TOKEN=$VITRINE_TOKEN\nexport HF_ENDPOINT=%s/api/v4/projects/%d/ml/hub\nhf download %s --revision %s --local-dir .",
		server, p.ID, v.ModelName, v.Semver)
}

// orasPull gives the commands that fetch a version with oras, from a server by
// its address; none where OCI has no spelling for the name.
func (d *door) orasPull(server string, p *registry.Project, v registry.Version) string {
	host, plain := strings.TrimPrefix(server, "https://"), ""
	if h, ok := strings.CutPrefix(server, "http://"); ok {
		host, plain = h, " --plain-http"
	}
	ref, ok := d.Reference(p.FullPath, v)
	if !ok || strings.Contains(host, "/") {
		return ""
	}
	return `printf %s "$VITRINE_TOKEN" | oras login` + plain + ` -u token --password-stdin ` + host + "\n" +
		`oras pull` + plain + ` ` + host + "/" + ref
}
