package web

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// browser sends a form, or asks for a page, with a session's cookie.
func browser(t *testing.T, w *apitest.World, secret, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(""))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: secret})
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	return rec
}

// TestSessions: a person sees in which browsers they are signed in, and signs out
// another one, and then all others.
func TestSessions(t *testing.T) {
	const page = "/-/user_settings/active_sessions"
	w := newWorld(t)
	var made []registry.NewToken
	for _, agent := range []string{"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "curl/8.5.0", "", "curl/8.6.0"} {
		k, err := w.Registry.As(auth.Actor{}).SignIn(t.Context(), "root", "correct horse", registry.Browser{Address: "192.0.2.7", Agent: agent})
		apitest.OK(t, err)
		made = append(made, k)
	}
	own := made[0].Secret
	text := browser(t, w, own, "GET", page).Body.String()
	has(t, text, "Firefox on Linux</span> <span class=\"badge\">this one", "192.0.2.7", "Unknown browser", "Sign out all others")
	if strings.Count(text, "this one") != 1 {
		t.Error("not exactly one session is this one")
	}
	end := page + "/" + strconv.FormatInt(made[1].ID, 10) + "/end"
	if got := browser(t, w, own, "POST", end); got.Code != http.StatusSeeOther || got.Header().Get("Location") != page {
		t.Errorf("ending another one answered %d", got.Code)
	}
	if got := browser(t, w, own, "POST", end); got.Code != http.StatusNotFound {
		t.Errorf("ending it again answered %d", got.Code)
	}
	if got := browser(t, w, own, "POST", page+"/end_others"); got.Code != http.StatusSeeOther {
		t.Errorf("ending the others answered %d", got.Code)
	}
	for i, k := range made {
		if got := browser(t, w, k.Secret, "GET", page); (got.Code == http.StatusOK) != (i == 0) {
			t.Errorf("session %d is answered %d", i, got.Code)
		}
	}
	lacks(t, browser(t, w, own, "GET", page).Body.String(), "Sign out all others")
	visitor{t, w, "owner"}.fails(page+"/end_others", "in a browser")
}

func TestAgentName(t *testing.T) {
	const mozilla = "Mozilla/5.0 "
	for agent, want := range map[string]string{
		"": "Unknown browser", "curl/8.5.0": "curl", "python-requests": "python-requests",
		mozilla + "(X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                                                 "Firefox on Linux",
		mozilla + "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0":          "Edge on Windows",
		mozilla + "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15":                  "Safari on macOS",
		mozilla + "(Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36":                        "Chrome on Android",
		mozilla + "(iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/129.0 Mobile/15E148 Safari/604.1": "Chrome on an iPhone",
	} {
		if got := agentName(agent); got != want {
			t.Errorf("%s is %q, want %q", agent, got, want)
		}
	}
}
