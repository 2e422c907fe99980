package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// asset is a file that pages use.
type asset struct {
	kind          string // media type
	plain, packed []byte // packed: by gzip, when that is shorter
}

// assets are all of them by their address, which has the hash of the content in
// it: browsers keep them for ever.
type assets struct {
	byAddress map[string]asset
	addresses map[string]string // by name
}

const assetPrefix = "/-/assets/"

// loadAssets reads, hashes and packs the embedded files.
func loadAssets() (*assets, error) {
	a := &assets{byAddress: map[string]asset{}, addresses: map[string]string{}}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		f := asset{kind: cmp.Or(mime.TypeByExtension(path.Ext(name)), "text/plain; charset=utf-8"), plain: content}
		var b bytes.Buffer
		zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := zw.Write(content); err != nil {
			return err
		}
		if err := zw.Close(); err != nil {
			return err
		}
		if b.Len() < len(content) {
			f.packed = b.Bytes()
		}
		sum := sha256.Sum256(content)
		name = strings.TrimPrefix(name, "static/")
		address := assetPrefix + hex.EncodeToString(sum[:6]) + "/" + name
		a.addresses[name], a.byAddress[address] = address, f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	return a, nil
}

// address gives the address of an asset; templates with an unknown one do not
// render, which a test of every page would find.
func (a *assets) address(name string) (string, error) {
	if s, ok := a.addresses[name]; ok {
		return s, nil
	}
	return "", fmt.Errorf("web: no asset %q", name)
}

func (d *door) assetRoutes() []route {
	return []route{get(assetPrefix+"{hash}/{name...}", access{gate: anyone}, serveAsset)}
}

func serveAsset(c *call) error {
	f, ok := c.d.assets.byAddress[c.r.URL.Path]
	if !ok {
		http.NotFound(c.w, c.r) // of an older release; nobody reads it
		return nil
	}
	h := c.w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	content := f.plain
	if f.packed != nil && acceptsGzip(c.r) {
		h.Set("Content-Encoding", "gzip")
		content = f.packed
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, err := c.w.Write(content)
	return err
}

// acceptsGzip reports whether the browser takes packed answers.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
