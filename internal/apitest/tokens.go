package apitest

import (
	"context"
	"errors"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Place gives a project by its key, or the group "group".
func (w *World) Place(key string) registry.PlaceRef {
	if key == "group" {
		return registry.PlaceRef{Group: registry.NamespaceRef{ID: w.IDs[key]}, InGroup: true}
	}
	return registry.PlaceRef{Project: registry.ProjectRef{ID: w.IDs[key]}}
}

// Group makes the group g, with the members that the projects have, as "group".
func (w *World) Group(ctx context.Context) error {
	sys := w.Registry.As(auth.System())
	g, err := sys.CreateGroup(ctx, registry.GroupSpec{Name: "g", Path: "g"})
	if err != nil {
		return err
	}
	w.IDs["group"] = g.ID
	for name, r := range Roles {
		if _, err := sys.AddMember(ctx, w.Place("group"), registry.MemberSpec{UserID: w.IDs[name], Role: r}); err != nil {
			return err
		}
	}
	return nil
}

// AccessToken makes an access token of a place, with the scope api unless told,
// and keeps it, and its id, under name.
func (w *World) AccessToken(ctx context.Context, name, place string, r registry.Role, scopes ...string) error {
	if scopes == nil {
		scopes = []string{"api"}
	}
	k, err := w.Registry.As(auth.System()).CreateAccessToken(ctx, w.Place(place), registry.AccessTokenSpec{
		TokenSpec: registry.TokenSpec{Name: name, Scopes: scopes}, Role: r})
	w.Tokens[name], w.IDs[name] = k.Secret, k.ID
	return err
}

// DeployToken makes a deploy token of a place and keeps it, and its id, under
// name.
func (w *World) DeployToken(ctx context.Context, name, place string, scopes ...string) error {
	d, err := w.Registry.As(auth.System()).CreateDeployToken(ctx, w.Place(place), registry.DeployTokenSpec{Name: name, Scopes: scopes})
	w.Tokens[name], w.IDs[name], w.Headers[name] = d.Secret, d.ID, "Deploy-Token"
	return err
}

// JobToken makes a CI job's token in a project, for a user, and keeps it under
// name.
func (w *World) JobToken(ctx context.Context, name, project, user string) error {
	k, err := w.Registry.As(auth.System()).CreateJobToken(ctx, registry.ProjectRef{ID: w.IDs[project]}, registry.JobTokenSpec{UserID: w.IDs[user]})
	w.Tokens[name], w.Headers[name] = k.Secret, "Job-Token"
	return err
}

// ImpersonationToken makes a token with which an administrator acts as a user,
// and keeps it, and its id, under name.
func (w *World) ImpersonationToken(ctx context.Context, name, user string, scopes ...string) error {
	k, err := w.Registry.As(auth.System()).CreateImpersonationToken(ctx, w.IDs[user], registry.TokenSpec{Name: name, Scopes: scopes})
	w.Tokens[name], w.IDs[name] = k.Secret, k.ID
	return err
}

// Holder is a token of some kind, as it stands to the private project and to the
// group.
type Holder struct {
	Caller               // Level: in the private project
	Kind   auth.Kind     //
	Bot    bool          //
	Group  registry.Role // in the group
	Scopes auth.Scopes
}

// Holders are those whom a walk with every kind of token sends; Hold makes their
// tokens.
var Holders = []Holder{
	{Caller{"bot-guest", registry.Guest}, auth.Personal, true, 0, auth.ScopeAPI},
	{Caller{"bot-developer", registry.Developer}, auth.Personal, true, 0, auth.ScopeAPI},
	{Caller{"bot-owner", registry.Owner}, auth.Personal, true, 0, auth.ScopeAPI},
	{Caller{"bot-narrow", registry.Owner}, auth.Personal, true, 0, auth.ScopeReadRegistry},
	{Caller{"bot-elsewhere", registry.NoRole}, auth.Personal, true, 0, auth.ScopeAPI},
	{Caller{"group-bot", registry.NoRole}, auth.Personal, true, registry.Owner, auth.ScopeAPI},
	{Caller{"job-developer", registry.Developer}, auth.Job, false, 0, auth.ScopeReadAPI | auth.ScopeWriteRegistry},
	{Caller{"job-elsewhere", registry.NoRole}, auth.Job, false, 0, auth.ScopeReadAPI | auth.ScopeWriteRegistry},
	{Caller{"deploy-read", registry.Reporter}, auth.Deploy, false, 0, auth.ScopeReadRegistry},
	{Caller{"deploy-write", registry.Developer}, auth.Deploy, false, 0, auth.ScopeWriteRegistry},
	{Caller{"deploy-elsewhere", registry.NoRole}, auth.Deploy, false, 0, auth.ScopeWriteRegistry},
	{Caller{"deploy-group", registry.NoRole}, auth.Deploy, false, 0, auth.ScopeReadRegistry},
}

// Hold makes the tokens of the holders in a world that has the group.
func (w *World) Hold(ctx context.Context) error {
	return errors.Join(
		w.AccessToken(ctx, "bot-guest", "private", registry.Guest),
		w.AccessToken(ctx, "bot-developer", "private", registry.Developer),
		w.AccessToken(ctx, "bot-owner", "private", registry.Owner),
		w.AccessToken(ctx, "bot-narrow", "private", registry.Owner, "read_model_registry"),
		w.AccessToken(ctx, "bot-elsewhere", "public", registry.Owner),
		w.AccessToken(ctx, "group-bot", "group", registry.Owner),
		w.JobToken(ctx, "job-developer", "private", "developer"),
		w.JobToken(ctx, "job-elsewhere", "public", "owner"),
		w.DeployToken(ctx, "deploy-read", "private", "read_package_registry"),
		w.DeployToken(ctx, "deploy-write", "private", "write_package_registry"),
		w.DeployToken(ctx, "deploy-elsewhere", "public", "write_package_registry"),
		w.DeployToken(ctx, "deploy-group", "group", "read_package_registry"),
	)
}
