package web

import (
	"regexp"
	"strings"
)

// ociName is what OCI takes for the name of a repository; ociTag for a tag.
var (
	ociName = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	ociTag  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// orasPull gives the commands that fetch a version with oras, from a server by
// its address; none where OCI has no spelling for the name.
func orasPull(server, project, model, version string) string {
	host, plain := strings.TrimPrefix(server, "https://"), ""
	if h, ok := strings.CutPrefix(server, "http://"); ok {
		host, plain = h, " --plain-http"
	}
	name, tag := strings.ToLower(project+"/"+model), strings.ReplaceAll(version, "+", "_")
	if strings.Contains(model, "/") || strings.Contains(host, "/") || !ociName.MatchString(name) || !ociTag.MatchString(tag) {
		return ""
	}
	return `printf %s "$VITRINE_TOKEN" | oras login` + plain + ` -u token --password-stdin ` + host + "\n" +
		`oras pull` + plain + ` ` + host + "/" + name + ":" + tag
}
