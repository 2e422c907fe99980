package web

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/asset"
)

//go:embed static
var staticFiles embed.FS

const assetPrefix = "/-/assets/"

// loadAssets reads the embedded files.
func loadAssets() (*asset.Set, error) {
	set := asset.NewSet(assetPrefix)
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !asset.Known(name) {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		set.Add(strings.TrimPrefix(name, "static/"), content)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	return set, nil
}

func (d *door) assetRoutes() []route {
	return []route{get(assetPrefix+"{hash}/{name...}", access{gate: anyone}, serveAsset)}
}

func serveAsset(c *call) error {
	c.d.assets.ServeHTTP(c.w, c.r)
	return nil
}
