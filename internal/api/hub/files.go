package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// lfsJSON is what makes clients take a file's SHA-256 for its name in their
// cache.
type lfsJSON struct {
	OID         string `json:"oid"`    // in a tree
	SHA         string `json:"sha256"` // among siblings
	Size        int64  `json:"size"`
	PointerSize int64  `json:"pointerSize"`
}

// pointerSize is how long the pointer file is that Git LFS would keep.
const pointerSize = 134

func lfs(f registry.File) *lfsJSON {
	return &lfsJSON{OID: f.Digest.Hex(), SHA: f.Digest.Hex(), Size: f.Size, PointerSize: pointerSize}
}

// oid stands for Git's name of a file, of 40 digits. There is no Git here.
func oid(f registry.File) string { return f.Digest.Hex()[:40] }

// entryJSON is a file or folder of a tree (RepoFile and RepoFolder of hf_api.py).
type entryJSON struct {
	Type string   `json:"type"` // "file" or "directory"
	OID  string   `json:"oid"`
	Size int64    `json:"size"`
	Path string   `json:"path"`
	LFS  *lfsJSON `json:"lfs,omitempty"`
}

func fileEntry(f registry.File) entryJSON {
	return entryJSON{Type: "file", OID: oid(f), Size: f.Size, Path: f.Path, LFS: lfs(f)}
}

func folderEntry(p string) entryJSON {
	sum := sha256.Sum256([]byte(p))
	return entryJSON{Type: "directory", OID: hex.EncodeToString(sum[:])[:40], Path: p}
}

// maxEntries bounds a page of a tree, as on the Hub.
const maxEntries = 1000

// showTree lists a folder of a revision, or all that is below it.
func showTree(c *call) error {
	n, err := c.commit()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	deep, _ := strconv.ParseBool(q.Get("recursive"))
	entries := entriesBelow(n.Files, c.at.path, deep)
	if len(entries) == 0 && c.at.path != "" {
		c.tell(n)
		return fault.Missing("file", c.at.path)
	}
	after, err := c.after()
	if err != nil {
		return err
	}
	if after != nil {
		first, found := slices.BinarySearchFunc(entries, after.Key, func(e entryJSON, p string) int { return strings.Compare(e.Path, p) })
		if found {
			first++
		}
		entries = entries[first:]
	}
	if limit := c.limit(maxEntries); len(entries) > limit {
		entries = entries[:limit]
		c.next(httpx.Cursor{Key: entries[limit-1].Path})
	}
	return httpx.WriteJSON(c.w, http.StatusOK, entries)
}

// entriesBelow gives the entries of a folder by path; deep: of its folders, too.
func entriesBelow(files []registry.File, folder string, deep bool) []entryJSON {
	out := []entryJSON{}
	seen := map[string]bool{}
	prefix := ""
	if folder != "" {
		prefix = folder + "/"
	}
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.Path, prefix)
		if !ok {
			continue
		}
		parts := strings.Split(rest, "/")
		for i := 1; i < len(parts); i++ {
			if p := prefix + strings.Join(parts[:i], "/"); !seen[p] && (deep || i == 1) {
				seen[p] = true
				out = append(out, folderEntry(p))
			}
		}
		if deep || len(parts) == 1 {
			out = append(out, fileEntry(f))
		}
	}
	slices.SortFunc(out, func(a, b entryJSON) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// formLimit bounds the form of paths-info, in bytes.
const formLimit = 4 << 20

// showPaths describes the files and folders that a form names; what is not there
// is left out.
func showPaths(c *call) error {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, formLimit)
	if err := c.r.ParseForm(); err != nil {
		return &hubError{status: http.StatusBadRequest, msg: "Send the paths as a form: paths=a&paths=b."}
	}
	n, err := c.commit()
	if err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, f := range n.Files {
		for dir := path.Dir(f.Path); dir != "." && !folders[dir]; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	out := []entryJSON{}
	for _, p := range c.r.PostForm["paths"] {
		if f, ok := n.File(p); ok {
			out = append(out, fileEntry(f))
		} else if p = strings.TrimSuffix(p, "/"); folders[p] {
			out = append(out, folderEntry(p))
		}
	}
	return httpx.WriteJSON(c.w, http.StatusOK, out)
}

// tell says what the revision of a request is, also beside an error: clients
// remember by it that a file is not there.
func (c *call) tell(n registry.Commit) { c.w.Header().Set("X-Repo-Commit", n.ID) }

// sendFile serves a file of a revision.
func sendFile(c *call) error {
	n, err := c.commit()
	if err != nil {
		return err
	}
	c.tell(n)
	f, ok := n.File(c.at.path)
	if !ok {
		return fault.Missing("file", c.at.path)
	}
	return httpx.ServeBlob(c.w, c.r, httpx.Content{Name: f.Path, Digest: f.Digest, Size: f.Size, ModTime: f.UpdatedAt, Attachment: true,
		Open: func(ctx context.Context) (io.ReadSeekCloser, error) { return n.Open(ctx, f) },
		Header: func(h http.Header) {
			h.Set("X-Linked-Etag", `"`+f.Digest.Hex()+`"`)
			h.Set("X-Linked-Size", strconv.FormatInt(f.Size, 10))
		}})
}
