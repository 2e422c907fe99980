-- manifests remembers under which digest an artifact of OCI was given last.
CREATE TABLE manifests (
  version_id BIGINT PRIMARY KEY REFERENCES versions (id) ON DELETE CASCADE,
  model_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
  digest TEXT NOT NULL
);
CREATE INDEX manifests_digest ON manifests (model_id, digest);
-- Names in OCI's addresses are in lower case.
CREATE INDEX models_fold ON models (project_id, lower(name));
