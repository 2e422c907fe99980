package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type filePage struct {
	frame
	File     registry.File
	Name     string
	Kind     formats.Kind
	Home     string // address of the page of its version or run
	Download string
	Raw      string // address of the content for the browser to show
	MayPush  bool
	Inside   inside
	Shown    []formats.Tensor // the first of those in it
	Preview  preview
	Safety   *safetyView // nil: it cannot be read
	// Unreadable has the path of the file when the store cannot give it.
	Unreadable []string
}

// showFile shows a file of a version or run: what it says of itself, and what is
// in it, as far as that can be shown.
func showFile(c *call) error {
	h, err := c.holder()
	if err != nil {
		return err
	}
	p := &filePage{Home: h.home}
	err = c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.frameFile(s, h, p) })
	if err != nil {
		return err
	}
	look, err := c.s.LookAtFile(c.ctx(), c.ref, h.pkg, c.r.PathValue("path"))
	if err != nil {
		return err
	}
	p.File = look.Items[0]
	p.Name, p.Kind = path.Base(p.File.Path), formats.KindOf(p.File.Path)
	content, err := look.Open(c.ctx(), p.File)
	if err != nil && c.ctx().Err() == nil {
		c.unreadable(p.File, err)
		p.Unreadable = []string{p.File.Path}
		return c.render("file", p)
	}
	if err != nil {
		return err
	}
	defer content.Close()
	if err := c.fillFile(p, content); err != nil {
		return err
	}
	if p.Safety, err = c.safetyOfFile(look); err != nil {
		return err
	}
	return c.render("file", p)
}

// frameFile finds whose file it is.
func (c *call) frameFile(s registry.Session, h holder, p *filePage) error {
	pr, err := s.ProjectFor(c.ctx(), c.ref, registry.PullFiles)
	if err != nil {
		return err
	}
	name := c.r.PathValue("path")
	crumbs, err := c.holderCrumbs(s, h, pr)
	if err != nil {
		return err
	}
	section := "models"
	if h.pkg.VersionID == 0 {
		section = "experiments"
	}
	p.frame = c.projectFrame(pr, section, name, crumbs...)
	p.MayPush = h.id != "" && c.may(c.ctx(), s, registry.PushFiles)
	p.Raw = h.home + "/raw/" + escapePath(name)
	p.Download = h.files(pr.ID) + "/" + escapePath(name)
	return nil
}

// holderCrumbs are the steps to the files of a version or run.
func (c *call) holderCrumbs(s registry.Session, h holder, pr registry.Project) ([]crumb, error) {
	below := "/" + pr.FullPath + "/-/ml/"
	if h.pkg.Logged != "" {
		m, err := s.LoggedModel(c.ctx(), c.ref, registry.LoggedModelRef{EID: h.pkg.Logged})
		return []crumb{{"Experiments", below + "experiments"}, {orElse(m.Name, m.EID), h.home}}, err
	}
	if h.pkg.RunIID != 0 {
		run, err := s.Run(c.ctx(), c.ref, registry.RunRef{IID: h.pkg.RunIID})
		return []crumb{{"Experiments", below + "experiments"}, {run.Name, h.home}}, err
	}
	model, which, err := c.versionRefs()
	if err != nil {
		return nil, err
	}
	v, err := s.Version(c.ctx(), c.ref, model, which)
	return []crumb{{"Models", below + "models"}, {v.ModelName, modelPath(pr.FullPath, model.ID)}, {v.Semver, h.home}}, err
}

// fillFile reads what the page shows of a content.
func (c *call) fillFile(p *filePage, content io.ReadSeeker) error {
	var err error
	if p.Kind == formats.Unknown {
		if p.Kind, err = sniff(content); err != nil {
			return err
		}
	}
	if p.Kind.Readable() {
		if p.Inside, err = c.d.heads.readInside(c.ctx(), p.Kind, p.File.Path, p.File.Size, content); err != nil {
			return err
		}
		p.Shown = p.Inside.Details.Tensors[:min(maxTensors, p.Inside.Tensors)]
	}
	p.Preview, err = c.d.previewOf(p.File, p.Home, p.Kind, content)
	return err
}

// sniff tells the kind of a content by its first bytes.
func sniff(content io.ReadSeeker) (formats.Kind, error) {
	head := make([]byte, 512)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return formats.Unknown, err
	}
	_, err = content.Seek(0, io.SeekStart)
	return formats.Sniff(bytes.Clone(head[:n])), err
}

// showRaw gives a picture to the page that shows it. Whoever opens the address by
// itself is in a sandbox, where nothing of it runs.
func showRaw(c *call) error {
	h, err := c.holder()
	if err != nil {
		return err
	}
	if err := c.stillLogged(h); err != nil {
		return err
	}
	f, content, err := c.s.LookInto(c.ctx(), c.ref, h.pkg, c.r.PathValue("path"))
	if err != nil {
		return err
	}
	kind := pictures[strings.ToLower(path.Ext(f.Path))]
	if kind == "" || f.Size > maxPicture {
		content.Close()
		return fault.Missing("picture", f.Path)
	}
	return httpx.ServeBlob(c.w, c.r, httpx.Content{Name: path.Base(f.Path), Digest: f.Digest, Size: f.Size, ModTime: f.UpdatedAt, MediaType: kind,
		Open: opened(content)})
}

// opened gives a content that is open already.
func opened(content io.ReadSeekCloser) func(context.Context) (io.ReadSeekCloser, error) {
	return func(context.Context) (io.ReadSeekCloser, error) { return content, nil }
}

// shards are the names that transformers and llama.cpp give to pieces of one model.
var shards = regexp.MustCompile(`-\d{5}-of-(\d{5})(\.[a-z]+)$`)

// shardOf names the model that a file is a piece of, "" for none.
func shardOf(p string) string {
	if !shards.MatchString(p) {
		return ""
	}
	return shards.ReplaceAllString(p, "-*-of-$1$2")
}
