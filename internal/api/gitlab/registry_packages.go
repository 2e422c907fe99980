package gitlab

import (
	"slices"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// packageLinksJSON leaves out the page of a hidden package, and the address to
// delete it from who may not.
type packageLinksJSON struct {
	WebPath       string `json:"web_path,omitempty"`
	DeleteAPIPath string `json:"delete_api_path,omitempty"`
}

type packageJSON struct {
	ID               int64                `json:"id"`
	Name             string               `json:"name"`
	Version          string               `json:"version"`
	PackageType      registry.PackageType `json:"package_type"`
	Status           registry.FileStatus  `json:"status"`
	Links            packageLinksJSON     `json:"_links"`
	CreatedAt        stamp                `json:"created_at"`
	LastDownloadedAt stamp                `json:"last_downloaded_at"` // to within some seconds
	CreatorID        *int64               `json:"creator_id"`
	ProjectID        int64                `json:"project_id"`
	ProjectPath      string               `json:"project_path,omitempty"`
	Tags             []string             `json:"tags"`
	FileCount        int64                `json:"file_count"`
	Size             int64                `json:"size"`
}

func (c *call) packageWire(k registry.Package) packageJSON {
	id := strconv.FormatInt(k.ID, 10)
	web := "/" + k.ProjectPath + "/-/packages/" + id
	switch {
	case k.VersionID != 0:
		web = "/" + k.ProjectPath + "/-/ml/models/" + strconv.FormatInt(k.ModelID, 10) + "/versions/" + strconv.FormatInt(k.VersionID, 10)
	case k.RunIID != 0:
		web = "/" + k.ProjectPath + "/-/ml/candidates/" + strconv.FormatInt(k.RunIID, 10)
	}
	links := packageLinksJSON{WebPath: web}
	if k.Status == registry.FileHidden {
		links.WebPath = ""
	}
	if k.Deletable {
		links.DeleteAPIPath = c.base() + Prefix + "/projects/" + strconv.FormatInt(k.ProjectID, 10) + "/packages/" + id
	}
	return packageJSON{ID: k.ID, Name: k.Name, Version: k.Version, PackageType: k.Type, Status: k.Status, Links: links,
		CreatedAt: stamp(k.CreatedAt), LastDownloadedAt: stamp(k.DownloadedAt), CreatorID: orNull(k.CreatorID),
		ProjectID: k.ProjectID, ProjectPath: k.ProjectPath, Tags: []string{}, FileCount: k.FileCount, Size: k.Size}
}

// packageVersionJSON is another package of the same name.
type packageVersionJSON struct {
	ID        int64    `json:"id"`
	Version   string   `json:"version"`
	CreatedAt stamp    `json:"created_at"`
	Tags      []string `json:"tags"`
}

// packageDetailJSON is a package by itself, with the others of its name.
type packageDetailJSON struct {
	packageJSON
	Versions []packageVersionJSON `json:"versions"`
}

func (c *call) packageDetail(d registry.PackageDetail) packageDetailJSON {
	out := packageDetailJSON{packageJSON: c.packageWire(d.Package), Versions: make([]packageVersionJSON, len(d.Others))}
	for i, o := range d.Others {
		out.Versions[i] = packageVersionJSON{ID: o.ID, Version: o.Version, CreatedAt: stamp(o.CreatedAt), Tags: []string{}}
	}
	return out
}

// packageFileJSON is a file as GitLab's package API shows it. MD5 and SHA-1 are
// not kept.
type packageFileJSON struct {
	ID        int64   `json:"id"`
	PackageID int64   `json:"package_id"`
	CreatedAt stamp   `json:"created_at"`
	FileName  string  `json:"file_name"`
	Size      int64   `json:"size"`
	FileMD5   *string `json:"file_md5"`
	FileSHA1  *string `json:"file_sha1"`
	SHA256    string  `json:"file_sha256"`
}

func packageFileWire(f registry.File) packageFileJSON {
	return packageFileJSON{ID: f.ID, PackageID: f.PackageID, CreatedAt: stamp(f.CreatedAt), FileName: uriEncode(f.Path), Size: f.Size,
		SHA256: f.Digest.Hex()}
}

func registryRoutes() []route {
	all := "/projects/{id}/packages"
	one := all + "/{package_id}"
	return tagged("Packages",
		op("GET", all, project(registry.PullPackages), "List packages", listPackages),
		op("GET", "/groups/{id}/packages", group(registry.NoRole), "List the packages of a group's projects", listGroupPackages),
		op("GET", one, project(registry.PullPackages), "Get a package", getPackage),
		op("DELETE", one, project(registry.DeletePackages), "Delete a package with its files; a version or run stays, without files", deletePackage),
		op("GET", one+"/pipelines", project(registry.PullPackages), "List the pipelines that built a package; Vitrine runs none, so it is always empty", listPipelines),
		op("GET", one+"/package_files", project(registry.PullPackages), "List the files of a package", listPackageFiles),
		op("DELETE", one+"/package_files/{package_file_id}", project(registry.DeletePackages), "Delete a file of a package", deletePackageFile),
	)
}

type packageFilter struct {
	paging
	OrderBy string               `param:"order_by" doc:"created_at (unless told), name, version or type; in groups also project_path."`
	Sort    string               `param:"sort" doc:"asc (unless told) or desc."`
	Type    registry.PackageType `param:"package_type" doc:"ml_model or generic; of the others there is nothing here."`
	Name    string               `param:"package_name" doc:"Part of the name."`
	Version string               `param:"package_version" doc:"Exact version."`
	Status  string               `param:"status" doc:"default or hidden; hidden packages show only if asked for. In the other states there is nothing here."`
	Bare    bool                 `param:"include_versionless" doc:"Changes nothing: every package here has a version."`
}

// packageTypes are those that GitLab's lists can be narrowed to; of most of them
// there is nothing here.
var packageTypes = []registry.PackageType{registry.ModelPackage, registry.GenericPackage, "cargo", "composer", "conan", "debian", "golang", "helm",
	"maven", "npm", "nuget", "pypi", "rpm", "rubygems", "terraform_module"}

// packageStatuses are GitLab's; packages here are default or hidden.
var packageStatuses = []string{string(registry.FileDefault), string(registry.FileHidden), "processing", "error", "pending_destruction", "deprecated"}

func (in packageFilter) query() (registry.PackageQuery, error) {
	p, err := in.page()
	if err != nil {
		return registry.PackageQuery{}, err
	}
	switch {
	case in.Type != "" && !slices.Contains(packageTypes, in.Type):
		return registry.PackageQuery{}, badParam("package_type", "does not have a valid value")
	case in.Sort != "" && in.Sort != "asc" && in.Sort != "desc":
		return registry.PackageQuery{}, badParam("sort", "does not have a valid value")
	case in.Status != "" && !slices.Contains(packageStatuses, in.Status):
		return registry.PackageQuery{}, badParam("status", "does not have a valid value")
	}
	if in.OrderBy == "" {
		in.OrderBy = "created_at"
	}
	return registry.PackageQuery{Page: p, Order: registry.Order{By: in.OrderBy, Desc: in.Sort == "desc"}, Type: in.Type, Name: in.Name,
		Version: in.Version, Status: registry.FileStatus(in.Status)}, nil
}

func listPackages(c *call, in packageFilter) ([]packageJSON, error) {
	if in.OrderBy == "project_path" {
		return nil, badParam("order_by", "does not have a valid value")
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.packageWire)(c.s.Packages(c.ctx(), c.project(), q))
}

// groupPackageFilter is the same for the projects of a group.
type groupPackageFilter struct {
	packageFilter
	Direct bool `param:"exclude_subgroups" doc:"Only packages of projects in the group itself."`
}

func listGroupPackages(c *call, in groupPackageFilter) ([]packageJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	q.Direct = in.Direct
	return listed(c, in.paging, c.packageWire)(c.s.GroupPackages(c.ctx(), c.groupRef(), q))
}

func getPackage(c *call, _ none) (packageDetailJSON, error) {
	id, err := c.id("package_id", "package")
	if err != nil {
		return packageDetailJSON{}, err
	}
	k, err := c.s.Package(c.ctx(), c.project(), id)
	return c.packageDetail(k), err
}

// pipelineJSON is a run of GitLab's CI; there are none here.
type pipelineJSON struct {
	ID int64 `json:"id"`
}

// listPipelines is for clients that ask GitLab who has built a package.
func listPipelines(c *call, _ none) ([]pipelineJSON, error) {
	_, err := getPackage(c, none{})
	return []pipelineJSON{}, err
}

func deletePackage(c *call, _ none) (none, error) {
	id, err := c.id("package_id", "package")
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeletePackage(c.ctx(), c.project(), id)
}

type packageFileFilter struct {
	paging
}

func listPackageFiles(c *call, in packageFileFilter) ([]packageFileJSON, error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	id, err := c.id("package_id", "package")
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, packageFileWire)(c.s.PackageFiles(c.ctx(), c.project(), id, registry.FileQuery{Page: p, Order: registry.Order{By: "id"}}))
}

func deletePackageFile(c *call, _ none) (none, error) {
	id, err := c.id("package_id", "package")
	if err != nil {
		return none{}, err
	}
	fileID, err := c.id("package_file_id", "file")
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeletePackageFile(c.ctx(), c.project(), id, fileID)
}
