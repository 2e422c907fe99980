package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// defaultServer is where vitrine serve listens unless told otherwise.
const defaultServer = "http://127.0.0.1:8080"

// savedServer is a sign-in.
type savedServer struct {
	URL     string `json:"url"`
	Token   string `json:"token"`
	User    string `json:"user"`
	Project string `json:"project,omitempty"` // of names that come without one
}

// savedServers is the file of sign-ins.
type savedServers struct {
	Current string                 `json:"current"` // name
	Servers map[string]savedServer `json:"servers"` // by name
}

// names lists the sign-ins, the current one first.
func (s savedServers) names() []string {
	out := slices.Sorted(maps.Keys(s.Servers))
	if i := slices.Index(out, s.Current); i > 0 {
		out = slices.Insert(slices.Delete(out, i, i+1), 0, s.Current)
	}
	return out
}

// named finds a sign-in by its name or address.
func (s savedServers) named(text string) (string, bool) {
	if _, ok := s.Servers[text]; ok {
		return text, true
	}
	return s.at(text)
}

// at finds the sign-in to an address, the current one if there are several.
func (s savedServers) at(address string) (string, bool) {
	for _, name := range s.names() {
		if same(s.Servers[name].URL, address) {
			return name, true
		}
	}
	return "", false
}

// unknown is the error about a name that no sign-in has.
func (s savedServers) unknown(name string) error {
	msg := "there is no sign-in yet; make one with: vitrine login --name " + shellQuote(name) + " URL"
	if len(s.Servers) > 0 {
		msg = fmt.Sprintf("there is no sign-in %q; there are: %s", name, strings.Join(s.names(), ", "))
	}
	return &fault.Error{Kind: fault.NotFound, Noun: "server", Name: name, Msg: msg}
}

func signInsPath(env Env) string { return filepath.Join(env.ConfigDir, "vitrine", "config.json") }

// loadSignIns reads the file; a missing one has no sign-ins.
func loadSignIns(env Env) (savedServers, error) {
	s := savedServers{Servers: map[string]savedServer{}}
	if env.ConfigDir == "" {
		return s, nil
	}
	data, err := os.ReadFile(signInsPath(env))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("cannot read the saved sign-ins: %w; repair or remove %s", err, signInsPath(env))
	}
	return s.repaired(), nil
}

// repaired completes what was read: the first form of the file had addresses
// for names.
func (s savedServers) repaired() savedServers {
	out := savedServers{Current: s.Current, Servers: make(map[string]savedServer, len(s.Servers))}
	for name, v := range s.Servers {
		if v.URL == "" {
			v.URL = name
		}
		out.Servers[name] = v
	}
	return out
}

// saveSignIns replaces the file, which only the user may read, in one step.
func saveSignIns(env Env, s savedServers) error {
	if env.ConfigDir == "" {
		return errors.New("there is no home directory to save the sign-in in; use VITRINE_SERVER and VITRINE_TOKEN instead")
	}
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(signInsPath(env))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "config-*.json") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), signInsPath(env))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// account is a server and a credential for it.
type account struct {
	URL     string
	Token   string
	Job     bool
	Source  string // where Token comes from, for people
	Project string // that the sign-in is for
}

// choice are the flags that choose server and credential.
type choice struct {
	server string // address
	on     string // name of a sign-in
	token  string
}

// resolve finds server and credential: flags, then the environment, then a CI
// job, then the saved sign-ins. A token goes only to the server that it came
// with, unless it came alone.
func resolve(env Env, c choice, saved savedServers) (account, error) {
	if c.on != "" {
		return resolveNamed(c, saved)
	}
	envServer := env.Getenv("VITRINE_SERVER")
	envToken := env.Getenv("VITRINE_TOKEN")
	jobServer, jobToken := jobServerOf(env), env.Getenv("CI_JOB_TOKEN")
	inJob := c.server == "" && envServer == "" && c.token == "" && envToken == "" && jobServer != "" && jobToken != ""
	if !inJob && !same(c.server, jobServer) && !same(envServer, jobServer) {
		jobToken = ""
	}
	if c.server != "" && envServer != "" && !same(c.server, envServer) {
		envToken = ""
	}
	chosen := cmp.Or(c.server, envServer)
	if inJob {
		chosen = jobServer
	}
	address, err := client.ParseURL(cmp.Or(chosen, saved.Servers[saved.Current].URL, defaultServer))
	if err != nil {
		return account{}, asUsage(err)
	}
	name, _ := saved.at(address)
	a := account{URL: address, Project: saved.Servers[name].Project}
	switch {
	case c.token != "":
		a.Token, a.Source = c.token, "--token"
	case envToken != "":
		a.Token, a.Source = envToken, "VITRINE_TOKEN"
	case jobToken != "":
		a.Token, a.Source, a.Job = jobToken, "CI_JOB_TOKEN", true
	case saved.Servers[name].Token != "":
		a.Token, a.Source = saved.Servers[name].Token, signInSource
	}
	return a, nil
}

// signInSource says of a token that it was saved by login.
const signInSource = "vitrine login"

// resolveNamed takes the sign-in that --on names.
func resolveNamed(c choice, saved savedServers) (account, error) {
	if c.server != "" {
		return account{}, usagef("give either --server or --on")
	}
	name, ok := saved.named(c.on)
	if !ok {
		return account{}, saved.unknown(c.on)
	}
	s := saved.Servers[name]
	a := account{URL: s.URL, Token: s.Token, Source: signInSource, Project: s.Project}
	if c.token != "" {
		a.Token, a.Source = c.token, "--token"
	}
	return a, nil
}

// jobServerOf is the GitLab that runs the job we are in. CI_API_V4_URL has the
// path below which GitLab lives, if any.
func jobServerOf(env Env) string {
	return cmp.Or(env.Getenv("CI_API_V4_URL"), env.Getenv("CI_SERVER_URL"))
}

// same reports whether two addresses are of one server.
func same(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, err := client.ParseURL(a)
	if err != nil {
		return false
	}
	y, err := client.ParseURL(b)
	return err == nil && x == y
}

// account finds out which server to use, and as whom, from the flags, the
// environment and the saved sign-ins.
func (r *remote) account() (account, error) {
	saved, err := loadSignIns(r.env)
	if err != nil {
		return account{}, err
	}
	return resolve(r.env, r.choice, saved)
}

// connect makes the client of the command.
func (r *remote) connect() error {
	a, err := r.account()
	if err != nil {
		return err
	}
	return r.connectAs(a)
}

func (r *remote) connectAs(a account) error {
	c, err := client.New(client.Options{URL: a.URL, Token: a.Token, Job: a.Job, UserAgent: "vitrine/" + version})
	if err != nil {
		return err
	}
	r.c = c
	return nil
}

// project is the one that names without a project belong to; "" when nothing
// tells.
func (r *remote) project() string {
	if p := cmp.Or(r.home, r.env.Getenv("VITRINE_PROJECT")); p != "" {
		return p
	}
	a, err := r.account()
	if err != nil {
		return "" // connect reports it
	}
	return cmp.Or(a.Project, r.env.Getenv("CI_PROJECT_PATH"))
}

// qualified puts the project before a name that comes without one. Numbers are
// those of projects.
func (r *remote) qualified(s string) string {
	name, _, _ := strings.Cut(s, ":")
	_, err := strconv.ParseInt(s, 10, 64)
	if name == "" || strings.Contains(name, "/") || err == nil {
		return s
	}
	if p := r.project(); p != "" {
		return p + "/" + s
	}
	return s
}

// asks reports whether there is a person at standard input to be asked.
func (r *remote) asks() bool {
	_, ok := r.terminal()
	return ok
}

// terminal gives the terminal that standard input is.
func (r *remote) terminal() (fd int, ok bool) {
	f, ok := r.env.Stdin.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// say tells people something, unless they asked for quiet.
func (r *remote) say(format string, args ...any) {
	if !r.quiet {
		fmt.Fprintf(r.env.Stderr, format+"\n", args...)
	}
}

// usagef reports a command that was written wrongly.
func usagef(format string, args ...any) error {
	return asUsage(fmt.Errorf(format, args...))
}
