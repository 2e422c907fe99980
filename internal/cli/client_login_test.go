package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLogin(t *testing.T) {
	f, s := newFake(t), newShell(t, nil)
	s.stdin = fakeToken + "\n"
	s.run("login", f.URL+"/", "--token-stdin")
	path := filepath.Join(s.config, "vitrine", "config.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the sign-ins are %v, %v; want mode 0600", info, err)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v; want mode 0700", dir, err)
	}
	want := "{\n  \"server\": \"" + f.URL + "\",\n  \"id\": 7,\n  \"username\": \"ada\",\n  \"name\": \"Ada Lovelace\",\n" +
		"  \"admin\": false,\n  \"token_from\": \"vitrine login\"\n}\n"
	if diff := cmp.Diff(want, s.run("whoami", "--json")); diff != "" {
		t.Error(diff)
	}
	if out := s.run("whoami"); !strings.Contains(out, "ada on 127.0.0.1") {
		t.Errorf("whoami prints %s", out)
	}
	s.run("logout")
	if data, err := os.ReadFile(path); err != nil || strings.Contains(string(data), fakeToken) {
		t.Errorf("after logout: %s, %v", data, err)
	}
	s.fails(exitNotAllowed, "sign in with: vitrine login "+f.URL, "whoami", "--server", f.URL)
}

func TestLoginFailures(t *testing.T) {
	f, s := newFake(t), newShell(t, nil)
	s.fails(exitNotAllowed, "does not accept the token", "login", f.URL, "--token", "bad")
	s.fails(exitUsage, "--token-stdin", "login", f.URL)
	s.fails(exitUsage, "two servers", "login", f.URL, "--server", "https://e.org", "--token", "x")
	s.fails(exitUsage, "https://models.example.org", "login", "ftp://x", "--token", "x")
	s.fails(exitFailure, "empty", "login", f.URL, "--token-stdin")
	if _, err := os.Stat(filepath.Join(s.config, "vitrine")); err == nil {
		t.Error("a failed login wrote something")
	}
	s.vars["VITRINE_TOKEN"] = fakeToken
	s.config = ""
	s.fails(exitFailure, "no home directory", "login", f.URL)
}

func TestResolve(t *testing.T) {
	saved := savedServers{Current: "prod", Servers: map[string]savedServer{
		"prod":  {URL: "https://saved.org", Token: "saved", Project: "team/vision"},
		"other": {URL: "https://other.org", Token: "other"}, "bot": {URL: "https://saved.org", Token: "bot"}}}
	job := map[string]string{"CI_SERVER_URL": "https://gitlab.org", "CI_JOB_TOKEN": "job"}
	tests := []struct {
		name   string
		choice choice
		vars   map[string]string
		saved  savedServers
		want   account
	}{
		{"nothing at all", choice{}, nil, savedServers{}, account{URL: defaultServer}},
		{"saved", choice{}, nil, saved, account{URL: "https://saved.org", Token: "saved", Source: signInSource, Project: "team/vision"}},
		{"saved, by name", choice{on: "bot"}, map[string]string{"VITRINE_SERVER": "https://y.org", "VITRINE_TOKEN": "y"}, saved,
			account{URL: "https://saved.org", Token: "bot", Source: signInSource}},
		{"saved, by name, another token", choice{on: "other", token: "t"}, nil, saved, account{URL: "https://other.org", Token: "t", Source: "--token"}},
		{"saved, another server", choice{server: "other.org/"}, nil, saved, account{URL: "https://other.org", Token: "other", Source: signInSource}},
		{"flags", choice{server: "https://x.org", token: "t"}, map[string]string{"VITRINE_SERVER": "https://y.org", "VITRINE_TOKEN": "y"}, saved,
			account{URL: "https://x.org", Token: "t", Source: "--token"}},
		{"variables", choice{}, map[string]string{"VITRINE_SERVER": "https://y.org", "VITRINE_TOKEN": "y"}, saved,
			account{URL: "https://y.org", Token: "y", Source: "VITRINE_TOKEN"}},
		{"a token alone goes to the chosen server", choice{server: "https://x.org"}, map[string]string{"VITRINE_TOKEN": "y"}, saved,
			account{URL: "https://x.org", Token: "y", Source: "VITRINE_TOKEN"}},
		{"a token does not go to another server than its own", choice{server: "https://x.org"}, map[string]string{"VITRINE_SERVER": "https://y.org", "VITRINE_TOKEN": "y"}, saved,
			account{URL: "https://x.org"}},
		{"CI job", choice{}, job, saved, account{URL: "https://gitlab.org", Token: "job", Job: true, Source: "CI_JOB_TOKEN"}},
		{"CI job, another server", choice{server: "https://other.org"}, job, saved, account{URL: "https://other.org", Token: "other", Source: signInSource}},
		{"CI job below a path", choice{}, map[string]string{"CI_SERVER_URL": "https://gitlab.org", "CI_API_V4_URL": "https://gitlab.org/git/api/v4", "CI_JOB_TOKEN": "job"},
			saved, account{URL: "https://gitlab.org/git", Token: "job", Job: true, Source: "CI_JOB_TOKEN"}},
		{"CI job, its server named", choice{server: "https://gitlab.org/"}, job, saved, account{URL: "https://gitlab.org", Token: "job", Job: true, Source: "CI_JOB_TOKEN"}},
	}
	for _, tt := range tests {
		got, err := resolve(Env{Getenv: func(k string) string { return tt.vars[k] }}, tt.choice, tt.saved)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", tt.name, err, diff)
		}
	}
}

func TestDamagedSignIns(t *testing.T) {
	s := newShell(t, newFake(t))
	if err := os.MkdirAll(filepath.Join(s.config, "vitrine"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.config, "vitrine", "config.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.fails(exitFailure, "repair or remove", "ls")
}
