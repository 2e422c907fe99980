package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// defaultServer is where vitrine serve listens unless told otherwise.
const defaultServer = "http://127.0.0.1:8080"

// savedServer is a sign-in.
type savedServer struct {
	Token string `json:"token"`
	User  string `json:"user"`
}

// savedServers is the file of sign-ins.
type savedServers struct {
	Current string                 `json:"current"` // URL
	Servers map[string]savedServer `json:"servers"` // by URL
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
	if s.Servers == nil {
		s.Servers = map[string]savedServer{}
	}
	return s, nil
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
	URL    string
	Token  string
	Job    bool
	Source string // where Token comes from, for people
}

// resolve finds server and credential: flags, then the environment, then a CI
// job, then the saved sign-ins. A token goes only to the server that it came
// with, unless it came alone.
func resolve(env Env, server, token string, saved savedServers) (account, error) {
	envServer := env.Getenv("VITRINE_SERVER")
	envToken := env.Getenv("VITRINE_TOKEN")
	jobServer, jobToken := env.Getenv("CI_SERVER_URL"), env.Getenv("CI_JOB_TOKEN")
	inJob := server == "" && envServer == "" && token == "" && envToken == "" && jobServer != "" && jobToken != ""
	if !inJob && !same(server, jobServer) && !same(envServer, jobServer) {
		jobToken = ""
	}
	if server != "" && envServer != "" && !same(server, envServer) {
		envToken = ""
	}
	chosen := cmp.Or(server, envServer)
	if inJob {
		chosen = jobServer
	}
	address, err := client.ParseURL(cmp.Or(chosen, saved.Current, defaultServer))
	if err != nil {
		return account{}, asUsage(err)
	}
	a := account{URL: address}
	switch {
	case token != "":
		a.Token, a.Source = token, "--token"
	case envToken != "":
		a.Token, a.Source = envToken, "VITRINE_TOKEN"
	case jobToken != "":
		a.Token, a.Source, a.Job = jobToken, "CI_JOB_TOKEN", true
	case saved.Servers[address].Token != "":
		a.Token, a.Source = saved.Servers[address].Token, "vitrine login"
	}
	return a, nil
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

// connect makes the client of the command, as whom the flags, the environment
// and the saved sign-ins say.
func (r *remote) connect() error {
	saved, err := loadSignIns(r.env)
	if err != nil {
		return err
	}
	a, err := resolve(r.env, r.server, r.token, saved)
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
