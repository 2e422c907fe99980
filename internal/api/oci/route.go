package oci

import (
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// gate says what kind of permission an operation needs; the registry enforces
// it, this table declares it, and a test compares the two for every role.
type gate uint8

const (
	_         gate = iota
	signedIn       // any account
	inProject      // a permission in the project
)

// access is the declared permission of a route.
type access struct {
	gate gate
	perm registry.Permission // for inProject
}

// route is what GET and HEAD do with one kind of address.
type route struct {
	access access
	bytes  bool // whole files go through it
	run    func(*call) error
}

// routes is the whole surface.
var routes = map[resource]route{
	// Without an account it is refused although public models can be read
	// without one: clients that log in try the password here.
	ping:      {access: access{gate: signedIn}, run: answerPing},
	manifests: {access: access{inProject, registry.PullFiles}, run: getManifest},
	blobs:     {access: access{inProject, registry.PullFiles}, bytes: true, run: getBlob},
	tags:      {access: access{inProject, registry.ReadModels}, run: listTags},
	referrers: {access: access{inProject, registry.ReadModels}, run: listReferrers},
}
