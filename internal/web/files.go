package web

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// fileRoutes are the same below a version and below a run.
func fileRoutes() []route {
	var all []route
	for _, home := range []string{"/ml/models/{model}/versions/{version}", "/ml/candidates/{run}"} {
		all = append(all,
			get(home+"/files/{path...}", project(registry.PullFiles), showFile),
			get(home+"/raw/{path...}", project(registry.PullFiles), showRaw).withBytes(),
			post(home+"/files", project(registry.PushFiles), uploadFiles).withBytes(),
			post(home+"/files/delete", project(registry.PushFiles), deleteFile),
		)
	}
	return all
}

// shelf is the files of a version or run as its page shows them.
type shelf struct {
	Home     string // address of the page, which those of its files are below
	API      string // address of the folder of the files, without a slash
	Uploads  string // where resumable uploads begin, without a slash
	MayPull  bool
	MayPush  bool
	Tree     *folder
	Inside   []inside
	Coming   int           // files that are still to be read to tell what is in them
	look     registry.Look // at the files that are shown
	Runs     []string      // paths of files whose loading can run code
	Safety   *safetyView   // for those who may read the files, when there are some
	Listed   int
	Loadable bool // MLflow can load it
	Search   string
	Pager    pager
	HowToAdd string // a command
}

// maxListed is how many files a page shows.
const maxListed = 200

// holder is a version or a run whose files an address means.
type holder struct {
	pkg  registry.PackageRef
	home string // of its page
	id   string // in addresses of the API
	api  string // where its files are, when that is not in the API of packages
	show func(problem string, status int) error
}

// holder reads the address of a page about files.
func (c *call) holder() (holder, error) {
	switch {
	case c.r.PathValue("logged") != "":
		return c.loggedHolder(), nil
	case c.r.PathValue("run") != "":
		iid, err := c.id("run", "run")
		return holder{pkg: registry.PackageRef{RunIID: iid}, home: "/" + c.ref.Path + "/-/ml/candidates/" + itoa(iid), id: "candidate:" + itoa(iid), show: func(problem string, status int) error { return c.run(&runPage{Problem: problem}, status) }}, err
	}
	model, which, err := c.versionRefs()
	return holder{pkg: registry.PackageRef{VersionID: which.ID}, home: modelPath(c.ref.Path, model.ID) + "/versions/" + itoa(which.ID), id: itoa(which.ID), show: c.version}, err
}

// files is the address of the folder of its files, without a slash.
func (h holder) files(project int64) string {
	if h.api != "" {
		return h.api
	}
	return "/api/v4/projects/" + itoa(project) + "/packages/ml_models/" + h.id + "/files"
}

// fillShelf lists the files that the page of a holder shows.
func (c *call) fillShelf(s registry.Session, project int64, sh *shelf) error {
	h, err := c.holder()
	if err != nil {
		return err
	}
	sh.Home, sh.API, sh.Uploads = h.home, h.files(project), "/api/v4/projects/"+itoa(project)+"/packages/uploads/ml_models/"+h.id
	sh.MayPush = c.may(c.ctx(), s, registry.PushFiles)
	if sh.MayPull = c.may(c.ctx(), s, registry.PullFiles); !sh.MayPull {
		return nil
	}
	sh.Search = strings.TrimSpace(c.r.URL.Query().Get("file"))
	_, n := c.page()
	l, err := s.LookAt(c.ctx(), c.ref, h.pkg, registry.FileQuery{Search: sh.Search,
		Page: registry.Page{Limit: maxListed, Offset: (n - 1) * maxListed, NoTotal: true}})
	if err != nil {
		return err
	}
	sh.Tree, sh.Listed, sh.Pager = treeOf(l.Items), len(l.Items), c.pager(n, -1, l.More)
	for _, f := range l.Items {
		sh.Loadable = sh.Loadable || f.Path == "MLmodel"
		if formats.KindOf(f.Path).RunsCode() {
			sh.Runs = append(sh.Runs, f.Path)
		}
	}
	sh.look = l
	return nil
}

// Whole reports whether the page has all files, so that what it adds up is true
// of the version or run.
func (sh shelf) Whole() bool { return sh.Search == "" && sh.Pager.Prev == "" && sh.Pager.Next == "" }

// maxField bounds a text field of a form with files, in bytes.
const maxField = 4096

// uploadFiles stores the files of a form. Browsers with scripts send files by the
// resumable protocol instead, see upload.js.
func uploadFiles(c *call) error {
	if err := c.s.May(c.ctx(), c.ref, registry.PushFiles); err != nil {
		return err
	}
	h, err := c.holder()
	if err != nil {
		return err
	}
	c.r.Body = io.NopCloser(httpx.Body(c.r))
	n, err := c.storeForm(h)
	switch problem, ok := formProblem(err); {
	case ok && n > 0:
		return h.show(problem+" Stored before it: "+plural(n, "file")+".", http.StatusUnprocessableEntity)
	case ok:
		return h.show(problem, http.StatusUnprocessableEntity)
	case err != nil:
		return err
	case n == 0:
		return h.show("Choose at least one file; nothing was uploaded.", http.StatusUnprocessableEntity)
	}
	c.flash(plural(n, "file") + " uploaded.")
	return c.goTo(h.home)
}

// storeForm stores each file of a form as it comes, and tells how many. The
// field "folder" says where those behind it go.
func (c *call) storeForm(h holder) (n int64, err error) {
	form, err := c.r.MultipartReader()
	if err != nil {
		return 0, fault.Invalidf("form", "has no files; choose some and send it again")
	}
	folder := ""
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, fault.Invalidf("form", "did not come whole; send it again")
		case part.FormName() == "folder":
			raw, err := io.ReadAll(io.LimitReader(part, maxField))
			if err != nil {
				return n, fault.Invalidf("form", "did not come whole; send it again")
			}
			folder = strings.Trim(strings.TrimSpace(string(raw)), "/")
		case part.FormName() == "file" && part.FileName() != "":
			if _, err := c.s.PutFile(c.ctx(), c.ref, h.pkg, path.Join(folder, part.FileName()), part, registry.PutOptions{Size: -1}); err != nil {
				return n, err
			}
			n++
		}
	}
}

func deleteFile(c *call) error {
	h, err := c.holder()
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	name := c.r.PostFormValue("path")
	if err := c.s.DeleteFile(c.ctx(), c.ref, h.pkg, name); err != nil {
		return err
	}
	c.flash("The file " + name + " is deleted.")
	return c.goTo(h.home)
}
