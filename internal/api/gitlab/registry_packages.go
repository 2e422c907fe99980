package gitlab

import (
	"slices"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type packageLinksJSON struct {
	WebPath       string `json:"web_path"`
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
	LastDownloadedAt *stamp               `json:"last_downloaded_at"`
	ProjectID        int64                `json:"project_id"`
	ProjectPath      string               `json:"project_path,omitempty"`
	Tags             []string             `json:"tags"`
	Pipelines        []string             `json:"pipelines"`
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
	return packageJSON{ID: k.ID, Name: k.Name, Version: k.Version, PackageType: k.Type, Status: k.Status, CreatedAt: stamp(k.CreatedAt),
		Links:     packageLinksJSON{WebPath: web, DeleteAPIPath: c.base() + Prefix + "/projects/" + strconv.FormatInt(k.ProjectID, 10) + "/packages/" + id},
		ProjectID: k.ProjectID, ProjectPath: k.ProjectPath, Tags: []string{}, Pipelines: []string{}, FileCount: k.FileCount, Size: k.Size}
}

// packageFileJSON is a file as GitLab's package API shows it. MD5 and SHA-1 are
// not kept.
type packageFileJSON struct {
	ID        int64    `json:"id"`
	PackageID int64    `json:"package_id"`
	CreatedAt stamp    `json:"created_at"`
	FileName  string   `json:"file_name"`
	Size      int64    `json:"size"`
	FileMD5   *string  `json:"file_md5"`
	FileSHA1  *string  `json:"file_sha1"`
	SHA256    string   `json:"file_sha256"`
	Pipelines []string `json:"pipelines"`
}

func packageFileWire(f registry.File) packageFileJSON {
	return packageFileJSON{ID: f.ID, PackageID: f.PackageID, CreatedAt: stamp(f.CreatedAt), FileName: uriEncode(f.Path), Size: f.Size,
		SHA256: f.Digest.Hex(), Pipelines: []string{}}
}

func registryRoutes() []route {
	all := "/projects/{id}/packages"
	one := all + "/{package_id}"
	return tagged("Packages",
		op("GET", all, project(registry.PullPackages), "List packages", listPackages),
		op("GET", "/groups/{id}/packages", group(registry.NoRole), "List the packages of a group's projects", listGroupPackages),
		op("GET", one, project(registry.PullPackages), "Get a package", getPackage),
		op("DELETE", one, project(registry.DeletePackages), "Delete a package with its files; a version or run stays, without files", deletePackage),
		op("GET", one+"/package_files", project(registry.PullPackages), "List the files of a package", listPackageFiles),
		op("DELETE", one+"/package_files/{package_file_id}", project(registry.DeletePackages), "Delete a file of a package", deletePackageFile),
	)
}

type packageFilter struct {
	paging
	OrderBy string               `param:"order_by" doc:"created_at (unless told), name, version, type; project_path in groups."`
	Sort    string               `param:"sort" doc:"asc (unless told) or desc."`
	Type    registry.PackageType `param:"package_type" doc:"ml_model or generic."`
	Name    string               `param:"package_name" doc:"Part of the name."`
	Version string               `param:"package_version" doc:"Exact version."`
	Status  registry.FileStatus  `param:"status" doc:"default or hidden; hidden packages show only if asked for."`
}

// packageTypes are those that GitLab's lists can be narrowed to; of most of them
// there is nothing here.
var packageTypes = []registry.PackageType{registry.ModelPackage, registry.GenericPackage, "cargo", "composer", "conan", "debian", "golang", "helm",
	"maven", "npm", "nuget", "pypi", "rpm", "rubygems", "terraform_module"}

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
	case in.Status != "" && in.Status != registry.FileDefault && in.Status != registry.FileHidden:
		return registry.PackageQuery{}, badParam("status", "does not have a valid value")
	}
	if in.OrderBy == "" {
		in.OrderBy = "created_at"
	}
	return registry.PackageQuery{Page: p, Order: registry.Order{By: in.OrderBy, Desc: in.Sort == "desc"}, Type: in.Type, Name: in.Name,
		Version: in.Version, Status: in.Status}, nil
}

func listPackages(c *call, in packageFilter) ([]packageJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.packageWire)(c.s.Packages(c.ctx(), c.project(), q))
}

func listGroupPackages(c *call, in packageFilter) ([]packageJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.packageWire)(c.s.GroupPackages(c.ctx(), c.groupRef(), q))
}

func getPackage(c *call, _ none) (packageJSON, error) {
	id, err := c.id("package_id", "package")
	if err != nil {
		return packageJSON{}, err
	}
	k, err := c.s.Package(c.ctx(), c.project(), id)
	return c.packageWire(k), err
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
