package clients

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// newVersion makes a model with version 1.0.0 and returns the version's id.
func (s *server) newVersion(t *testing.T, model string) int64 {
	t.Helper()
	models := s.url + "/api/v4/projects/root%2Fdefault/ml/models"
	id := s.create(t, models, url.Values{"name": {model}})
	return s.create(t, fmt.Sprintf("%s/%d/versions", models, id), url.Values{"version": {"1.0.0"}})
}

// create makes something over the REST interface and returns its id.
func (s *server) create(t *testing.T, address string, fields url.Values) int64 {
	t.Helper()
	var made struct{ ID int64 }
	text := s.call(t, http.MethodPost, address, fields, http.StatusCreated)
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.ID == 0 {
		t.Fatalf("no id in %s: %v", text, err)
	}
	return made.ID
}

// call makes a request, checks its status and returns the body.
func (s *server) call(t *testing.T, method, address string, fields url.Values, want int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("PRIVATE-TOKEN", rootToken)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %s\n%s", method, address, resp.Status, body)
	}
	return string(body)
}

// status is the status of a GET, whose body is not looked at.
func (s *server) status(t *testing.T, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("PRIVATE-TOKEN", rootToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func (s *server) fileURL(version int64, name string) string {
	return fmt.Sprintf("%s/api/v4/projects/1/packages/ml_models/%d/files/%s", s.url, version, name)
}
