package main

import (
	"fmt"
	"path/filepath"
	"time"
)

const (
	pageModels   = 1_000 // models of the pages measure
	pageVersions = 100   // versions of each
	pageAsked    = 40    // requests of one of its turns
)

// pages is the measure of the web pages: see the top of main.go.
func (b *bench) pages() error {
	data := filepath.Join(b.dir, "pages")
	var at place
	ours, err := b.filled(data, func(f *filler) (err error) {
		at, err = f.project("pages", pageModels, pageVersions)
		return err
	})
	if err != nil {
		return err
	}
	defer ours.stop()
	project := ours.base + "/root/pages"
	model := fmt.Sprintf("%s/-/ml/models/%d", project, at.model)
	for _, p := range []struct{ what, url string }{
		{"home", ours.base + "/"},
		{"project", project},
		{"models", project + "/-/ml/models"},
		{"models, searched", project + "/-/ml/models?search=00"},
		{"model", model},
		{"versions of a model", model + "/versions"},
		{"version", fmt.Sprintf("%s/versions/%d", model, at.version)},
		{"candidates of a model", model + "/candidates"},
		{"experiments", project + "/-/ml/experiments"},
		{"members", project + "/-/project_members"},
	} {
		var all []time.Duration
		for turn := range b.rounds + 1 {
			x, err := b.time(p.url, pageAsked)
			if err != nil {
				return err
			}
			if turn > 0 {
				all = append(all, x...)
			}
		}
		b.table.most("page: "+p.what, "ms", percentile(all, 95).Seconds()*1000, 20, "p95")
	}
	return nil
}
