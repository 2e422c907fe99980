package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// asset is a file that pages use.
type asset struct {
	kind  string // media type
	plain []byte
	// packed gives the content by gzip, made at the first request: a server that
	// shows no page shall not pay for it when it starts. It is nil when it would
	// be longer.
	packed func() []byte
}

// kinds are the media types of assets by their ending. The system's own table
// would be read from files, and differs from machine to machine.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assets are all of them by their address, which has the hash of the content in
// it: browsers keep them for ever.
type assets struct {
	byAddress map[string]asset
	addresses map[string]string // by name
}

const assetPrefix = "/-/assets/"

// loadAssets reads and hashes the embedded files.
func loadAssets() (*assets, error) {
	a := &assets{byAddress: map[string]asset{}, addresses: map[string]string{}}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		kind, ok := kinds[path.Ext(name)]
		if err != nil || d.IsDir() || !ok {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		name = strings.TrimPrefix(name, "static/")
		address := assetPrefix + hex.EncodeToString(sum[:6]) + "/" + name
		a.addresses[name] = address
		a.byAddress[address] = asset{kind, content, sync.OnceValue(func() []byte { return pack(content) })}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	return a, nil
}

// pack gives a content by gzip, or nil when that is no shorter.
func pack(content []byte) []byte {
	var b bytes.Buffer
	// Neither a buffer nor the best compression can fail.
	zw, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = zw.Write(content)
	_ = zw.Close()
	if b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
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
	if acceptsGzip(c.r) {
		if packed := f.packed(); packed != nil {
			h.Set("Content-Encoding", "gzip")
			content = packed
		}
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
