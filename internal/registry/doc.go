// Package registry is the domain of Vitrine: its nouns, its rules, its errors,
// and the only door to them.
//
// # The story
//
// A project is the unit of permission and lives in a namespace: a user's own
// or a group's. A project has models and experiments. A model is a named thing
// that gets versions. An experiment is a group of runs; a run is one training:
// parameters, metrics by step, metadata, files. Each model has an experiment of
// its own, and each version is also a run, so that what was measured and what
// was shipped are one record. A run becomes a version by promotion, and no byte
// moves. A logged model is what a run has made, and measured, before anybody
// decides to register it as a version. A trace is the record of one call of an
// application.
//
// Files belong to a package. A version has one package from its birth, a run
// gets one with its first file; promotion hands the run's package to the
// version. A file is a path and the digest of a blob. Blobs that no file names
// are removed by garbage collection after a grace period.
//
// # The door
//
// [Registry.As] gives the [Session] of one actor; only a Session has methods,
// and each of them starts with the gate in access.go. Each does its work in one
// View or one Update of the [Store]. Bytes never flow inside a transaction.
//
// Errors are fault errors; their Noun and Field let each dialect spell them.
package registry
