package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/markdown"
)

// TestForeignForms: another site can use no form of ours with somebody's cookie,
// whichever of the two ways a browser has to tell who asks.
func TestForeignForms(t *testing.T) {
	w := newWorld(t)
	for _, rt := range (&door{}).table() {
		if rt.method == http.MethodGet {
			continue
		}
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := httptest.NewRequestWithContext(t.Context(), rt.method, address(w, rt), strings.NewReader("name=x"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Private-Token", w.Tokens["boss"])
			r.Header.Set(header, value)
			rec := httptest.NewRecorder()
			w.Handler.ServeHTTP(rec, r)
			if rec.Code != http.StatusForbidden {
				t.Errorf("%s %s with %s is answered %d", rt.method, rt.pattern, header, rec.Code)
			}
		}
	}
}

// inline is what a strict policy keeps from working: scripts and styles in a page.
var inline = regexp.MustCompile(`(?i)<script(?: type="(?:text|module)[^"]*")?>|<style|\sstyle="|\son[a-z]+="|javascript:`)

// TestPolicies: every answer has the policy; no page has anything in it that the
// policy would stop, asks another host, or may be kept by a cache.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	for _, rt := range (&door{}).table() {
		if rt.method != http.MethodGet {
			continue
		}
		got := w.Do(t, http.MethodGet, address(w, rt), "boss", "")
		h, page := got.Header(), got.Body.String()
		if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'none'") {
			t.Fatal("the policy is not strict")
		}
		if got := h.Get("Content-Security-Policy"); got != policy && !strings.HasPrefix(got, "sandbox; default-src 'none'") {
			t.Errorf("%s: %q", rt.pattern, got)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", rt.pattern, h)
		}
		if got.Code != http.StatusOK || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			continue
		}
		if h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %s", rt.pattern, h.Get("Cache-Control"))
		}
		if found := inline.FindString(page); found != "" {
			t.Errorf("%s has %q in it", rt.pattern, found)
		}
		for _, tag := range regexp.MustCompile(`<(?:script|link|img|iframe|form)[^>]* (?:src|href|action)="https?:[^"]*"`).FindAllString(page, -1) {
			t.Errorf("%s asks another host: %s", rt.pattern, tag)
		}
	}
}

// TestCookies: no cookie is for scripts or for forms of other sites, and under
// https none goes without it.
func TestCookies(t *testing.T) {
	for base, secure := range map[string]bool{"https://models.example.org": true, "http://models.example.org": false} {
		w := world.New(t, apitest.Options{Door: func(w *apitest.World) httpx.Mount {
			m, err := New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log, Safety: apitest.Scanner(t, w.Log), Prose: markdown.New(), URL: base})
			apitest.OK(t, err)
			return m
		}})
		v := visitor{t, w, ""}
		var all []*http.Cookie
		for _, form := range [][]string{{"/users/sign_in", "login", "root", "password", "correct horse"}, {"/-/theme", "theme", "dark"}} {
			all = append(all, v.send(form[0], form[1:]...).Result().Cookies()...)
		}
		v.who = "boss"
		all = append(all, v.send("/admin/users/guest/unlock").Result().Cookies()...)
		if len(all) != 3 {
			t.Errorf("%d cookies, want those of the session, the theme and what was done", len(all))
		}
		for _, k := range all {
			if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || k.Secure != secure {
				t.Errorf("%s: %+v", base, k)
			}
		}
	}
}
