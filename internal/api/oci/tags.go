package oci

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type tagsWire struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}

// listTags lists versions and aliases in the order of their bytes. Aliases that
// are no tags are left out, so that a page may have less than was asked for.
func listTags(c *call) error {
	q := c.r.URL.Query()
	n, err := pageLength(q.Get("n"))
	if err != nil {
		return err
	}
	l, err := c.s.Labels(c.ctx(), c.project(), c.model(), q.Get("last"), n)
	if err != nil {
		return err
	}
	if n > 0 && l.More {
		next := url.Values{"last": l.Items[n-1:], "n": {strconv.Itoa(n)}}
		c.w.Header().Set("Link", "<"+c.r.URL.EscapedPath()+"?"+next.Encode()+`>; rel="next"`)
	}
	found := slices.DeleteFunc(l.Items, func(s string) bool { return !tagForm.MatchString(s) })
	return httpx.WriteJSON(c.w, http.StatusOK, tagsWire{c.at.name, append([]string{}, found...)})
}

// pageLength reads how many tags are wanted: as many as there may be unless told.
func pageLength(s string) (int, error) {
	if s == "" {
		return registry.MaxLimit, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, invalid("page", "n is a number from 0.")
	}
	return min(n, registry.MaxLimit), nil
}

type indexWire struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

// listReferrers answers that nothing refers to an artifact: signatures and the
// like would have to be pushed.
func listReferrers(c *call) error {
	if _, err := parseDigest(c.at.ref); err != nil {
		return err
	}
	if _, err := c.s.Model(c.ctx(), c.project(), c.model()); err != nil {
		return err
	}
	body, err := json.Marshal(indexWire{SchemaVersion: 2, MediaType: indexType, Manifests: []descriptor{}})
	if err != nil {
		return err
	}
	return c.send(indexType, "", body)
}
