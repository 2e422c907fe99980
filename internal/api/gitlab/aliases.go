package gitlab

import (
	"net/http"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type aliasJSON struct {
	Name      string `json:"name"`
	VersionID int64  `json:"version_id"`
	Version   string `json:"version"`
	UpdatedAt stamp  `json:"updated_at"`
}

func aliasWire(a registry.Alias) aliasJSON {
	return aliasJSON{Name: a.Name, VersionID: a.VersionID, Version: a.Semver, UpdatedAt: stamp(a.UpdatedAt)}
}

func aliasesWire(as []registry.Alias) []aliasJSON {
	out := make([]aliasJSON, len(as))
	for i, a := range as {
		out[i] = aliasWire(a)
	}
	return out
}

func aliasRoutes() []route {
	all := "/projects/{id}/ml/models/{model_id}/aliases"
	one := all + "/{name}"
	return tagged("Models",
		op("GET", all, project(registry.ReadModels), "List the aliases of a model", listAliases),
		op("GET", one, project(registry.ReadModels), "Get an alias; latest always names the highest version", getAlias),
		op("PUT", one, project(registry.WriteModels), "Make or move an alias", putAlias).failing(http.StatusConflict),
		op("DELETE", one, project(registry.WriteModels), "Delete an alias; its version stays", deleteAlias).failing(http.StatusConflict),
		op("GET", one+"/history", project(registry.ReadModels), "Where an alias has pointed, the latest first", listAliasHistory),
	)
}

func listAliases(c *call, _ none) ([]aliasJSON, error) {
	id, err := c.modelID()
	if err != nil {
		return nil, err
	}
	as, err := c.s.Aliases(c.ctx(), c.project(), id)
	return aliasesWire(as), err
}

func getAlias(c *call, _ none) (aliasJSON, error) {
	id, err := c.modelID()
	if err != nil {
		return aliasJSON{}, err
	}
	a, err := c.s.Alias(c.ctx(), c.project(), id, c.r.PathValue("name"))
	return aliasWire(a), err
}

type aliasTarget struct {
	VersionID int64  `param:"version_id,required" doc:"A version of this model."`
	Expected  *int64 `param:"expected_version_id" doc:"Only if the alias points to this version before, or with 0 if there is none; else 409."`
}

func putAlias(c *call, in aliasTarget) (aliasJSON, error) {
	id, err := c.modelID()
	if err != nil {
		return aliasJSON{}, err
	}
	a, err := c.s.SetAlias(c.ctx(), c.project(), id, registry.AliasSpec{Name: c.r.PathValue("name"), Version: registry.VersionRef{ID: in.VersionID}, Expected: in.Expected})
	return aliasWire(a), err
}

type aliasBelief struct {
	Expected *int64 `param:"expected_version_id" doc:"Only if the alias points to this version; else 409."`
}

func deleteAlias(c *call, in aliasBelief) (none, error) {
	id, err := c.modelID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteAlias(c.ctx(), c.project(), id, c.r.PathValue("name"), in.Expected)
}

type aliasMoveJSON struct {
	Name      string       `json:"name"`
	VersionID *int64       `json:"version_id"` // null: the alias was deleted
	Version   text         `json:"version"`
	Author    *userRefJSON `json:"author"`
	CreatedAt stamp        `json:"created_at"`
}

func (c *call) aliasMove(m registry.AliasMove) aliasMoveJSON {
	return aliasMoveJSON{Name: m.Name, VersionID: orNull(m.VersionID), Version: text(m.Semver), Author: c.author(m.Author), CreatedAt: stamp(m.At)}
}

type aliasHistory struct {
	paging
}

func listAliasHistory(c *call, in aliasHistory) ([]aliasMoveJSON, error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	id, err := c.modelID()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.aliasMove)(c.s.AliasHistory(c.ctx(), c.project(), id, c.r.PathValue("name"), p))
}
