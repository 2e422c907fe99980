// Package httpxtest runs HTTP conversations written down in text files.
//
// A script is a txtar archive. Its comment holds the conversation, its files
// hold larger bodies:
//
//	# Lines that begin with a number sign are comments.
//	> POST /api/v4/projects
//	> PRIVATE-TOKEN: $root
//	> Content-Type: application/json
//	>
//	> {"name": "demo"}
//	< 201
//	< Content-Type: application/json
//	< Location: /projects/$=path
//	<! X-Debug
//	<
//	< {"id": "$=id", "created_at": "$TIME", "...": true}
//
//	> PUT /api/v4/projects/$id/avatar
//	>@file avatar.txt
//	< 204
//	-- avatar.txt --
//	...
//
// # Requests
//
// Lines with ">" are a request: method and target, headers, and after a line
// with ">" alone the body. The line with ">" alone may be left out before a
// body that cannot be taken for a header, such as JSON. The target reaches the
// server byte by byte as written, so "..%2F", "//" and "\" can be tested. The
// body's lines are joined by line feeds, without one at the end; for a
// multipart Content-Type by CR LF, with one at the end. ">@file name" sends a
// file of the archive as it is. Host is vitrine.test unless a header says
// otherwise; Content-Length is added unless the script sets it or a
// Transfer-Encoding; nothing else is added but "Connection: close".
//
// # Answers
//
// Lines with "<" are the answer: the status, headers that must be there with
// exactly this value (others do not matter), "<! Name" for a header that must
// not be there, and the body as for requests. Without any body line the body
// does not matter; with "<" alone and nothing after it the body must be empty.
// "<@file name" compares with a file of the archive, byte by byte.
//
// A body that is JSON on both sides is compared as JSON: the order of members
// does not matter; the member "...": true allows members that are not listed,
// and the string "..." at the end of an array allows further items. Any other
// body must be equal as text.
//
// # Variables
//
// "$name" and "${name}" stand for variables: the ones that [Env] gives, and
// captured ones. Their names begin with a lower-case letter; "$$" is a dollar
// sign. In the answer, "$=name" and "${=name}" capture what stands there, and
// "$ANY", "$INT" and "$TIME" (RFC 3339) match without capturing. In JSON,
// placeholders are strings: "id": "$INT" matches the number 5, and an "$=id"
// that is a whole string captures any scalar. A placeholder may also stand
// without quotes; "id": $id is the number 5 where "id": "$id" is the string.
//
// With the flag -update, the files are rewritten from the real answers:
// status, listed headers and bodies. What matched is left as it was written.
package httpxtest

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the answers in HTTP scripts from what the server says")

// Update reports whether the flag -update was given, for tests that keep other
// answers of a server in files.
func Update() bool { return *update }

// Env makes a fresh server for one script, and the variables that the script
// begins with. It cleans up by t.Cleanup.
type Env func(t *testing.T) (http.Handler, map[string]string)

// Run runs every script that matches the glob as a subtest, in parallel, each
// against a server of its own.
func Run(t *testing.T, glob string, env Env) {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no script matches %s", glob)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runFile(t, file, env)
		})
	}
}

func runFile(t *testing.T, file string, env Env) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	handler, vars := env(t)
	server := httptest.NewServer(handler)
	defer server.Close()
	s, err := parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	out, problems := s.run(server.Listener.Addr().String(), vars, *update)
	for _, p := range problems {
		t.Error(p)
	}
	if *update && string(out) != string(data) {
		if err := os.WriteFile(file, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// run plays the script, and gives the text of its file, updated if wanted, and
// what did not match.
func (s *script) run(addr string, given map[string]string, update bool) (out []byte, problems []string) {
	vars := map[string]string{}
	for name, v := range given {
		vars[name] = v
	}
	files := map[string][]byte{}
	for _, f := range s.archive.Files {
		files[f.Name] = f.Data
	}
	lines := strings.Split(string(s.archive.Comment), "\n")
	var fresh []string // the updated lines
	done := 0          // how many of the old ones are in there
	for _, st := range s.steps {
		p := player{file: s.file, step: st, files: files, vars: vars}
		if !p.play(addr) && !update {
			problems = append(problems, p.problems...)
			break // what follows would fail for want of this step
		}
		if !update || p.fatal {
			problems = append(problems, p.problems...)
		}
		if p.fatal {
			break
		}
		fresh = append(fresh, lines[done:st.answerLine-1]...)
		if len(p.problems) == 0 {
			fresh = append(fresh, lines[st.answerLine-1:st.endLine-1]...)
		} else {
			fresh = append(fresh, p.newAnswer()...)
		}
		done = st.endLine - 1
	}
	fresh = append(fresh, lines[done:]...)
	return txtar.Format(&txtar.Archive{
		Comment: []byte(strings.Join(fresh, "\n")), Files: s.archive.Files}), problems
}
