-- Times are microseconds since 1970 in UTC, 0 for none. Digests are
-- "sha256:<hex>". *_key columns hold what is compared: lower case, or an
-- encoding that sorts. Foreign keys that may outlive their target are NULL.

CREATE TABLE users (
  id @id,
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL UNIQUE,
  admin BOOLEAN NOT NULL,
  blocked BOOLEAN NOT NULL,
  password_hash TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_activity BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE namespaces (
  id @id,
  parent_id BIGINT REFERENCES namespaces (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  name TEXT NOT NULL,
  full_path TEXT NOT NULL,
  full_key TEXT NOT NULL UNIQUE,
  full_name TEXT NOT NULL,
  description TEXT NOT NULL,
  visibility TEXT NOT NULL,
  owner_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX namespaces_parent ON namespaces (parent_id, id);
CREATE UNIQUE INDEX namespaces_owner ON namespaces (owner_id);

-- namespaces_above holds every namespace with itself and all above it, so that
-- an inherited role is one look-up.
CREATE TABLE namespaces_above (
  namespace_id BIGINT NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  above_id BIGINT NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
  PRIMARY KEY (namespace_id, above_id)
);
CREATE INDEX namespaces_below ON namespaces_above (above_id, namespace_id);

CREATE TABLE projects (
  id @id,
  namespace_id BIGINT REFERENCES namespaces (id),
  path TEXT NOT NULL,
  name TEXT NOT NULL,
  full_path TEXT NOT NULL,
  full_key TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  visibility TEXT NOT NULL,
  archived BOOLEAN NOT NULL,
  creator_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  models_level TEXT NOT NULL,
  experiments_level TEXT NOT NULL,
  packages_level TEXT NOT NULL,
  next_run BIGINT NOT NULL DEFAULT 1,
  next_experiment BIGINT NOT NULL DEFAULT 1,
  model_count BIGINT NOT NULL DEFAULT 0,
  experiment_count BIGINT NOT NULL DEFAULT 0,
  run_count BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  active_at BIGINT NOT NULL,
  deleted_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX projects_namespace ON projects (namespace_id, id);
CREATE INDEX projects_creator ON projects (creator_id);
CREATE INDEX projects_created ON projects (created_at, id);
CREATE INDEX projects_deleted ON projects (deleted_at, id);

CREATE TABLE members (
  id @id,
  namespace_id BIGINT REFERENCES namespaces (id) ON DELETE CASCADE,
  project_id BIGINT REFERENCES projects (id) ON DELETE CASCADE,
  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by BIGINT NOT NULL
);
CREATE UNIQUE INDEX members_namespace ON members (namespace_id, user_id);
CREATE UNIQUE INDEX members_project ON members (project_id, user_id);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE tokens (
  id @id,
  user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  scopes BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL,
  project_id BIGINT REFERENCES projects (id) ON DELETE CASCADE,
  job_id BIGINT NOT NULL
);
CREATE INDEX tokens_user ON tokens (user_id, kind, id);
CREATE INDEX tokens_project ON tokens (project_id);

CREATE TABLE experiments (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  iid BIGINT NOT NULL,
  name TEXT NOT NULL,
  author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  run_count BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX experiments_iid ON experiments (project_id, iid);
CREATE UNIQUE INDEX experiments_name ON experiments (project_id, name);
CREATE INDEX experiments_created ON experiments (project_id, created_at, id);
CREATE INDEX experiments_updated ON experiments (project_id, updated_at, id);
CREATE INDEX experiments_author ON experiments (author_id);

CREATE TABLE models (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  experiment_id BIGINT NOT NULL REFERENCES experiments (id),
  next_number BIGINT NOT NULL DEFAULT 1,
  version_count BIGINT NOT NULL DEFAULT 0,
  candidate_count BIGINT NOT NULL DEFAULT 0,
  latest_id BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX models_name ON models (project_id, name);
CREATE INDEX models_id ON models (project_id, id);
CREATE INDEX models_created ON models (project_id, created_at, id);
CREATE INDEX models_updated ON models (project_id, updated_at, id);
CREATE UNIQUE INDEX models_experiment ON models (experiment_id);
CREATE INDEX models_author ON models (author_id);

CREATE TABLE packages (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  creator_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  file_count BIGINT NOT NULL DEFAULT 0,
  size BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL
);
CREATE INDEX packages_project ON packages (project_id, type, name, version);
CREATE INDEX packages_creator ON packages (creator_id);

CREATE TABLE runs (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  iid BIGINT NOT NULL,
  eid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  status TEXT NOT NULL,
  author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  job_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL DEFAULT 0,
  package_id BIGINT REFERENCES packages (id) ON DELETE SET NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX runs_iid ON runs (project_id, iid);
CREATE INDEX runs_id ON runs (project_id, id);
CREATE INDEX runs_created ON runs (project_id, created_at, id);
CREATE INDEX runs_started ON runs (project_id, started_at, id);
CREATE INDEX runs_name ON runs (project_id, name, id);
CREATE INDEX runs_experiment ON runs (experiment_id, version_id, id);
CREATE INDEX runs_author ON runs (author_id);
CREATE UNIQUE INDEX runs_package ON runs (package_id);

CREATE TABLE run_params (
  run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
);

-- metrics has one row per run and name, with the latest point; metric_points
-- has all points.
CREATE TABLE metrics (
  id @id,
  run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  step BIGINT NOT NULL,
  at BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  nan BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX metrics_key ON metrics (run_id, key);
CREATE INDEX metrics_value ON metrics (key, value, run_id);

CREATE TABLE metric_points (
  metric_id BIGINT NOT NULL REFERENCES metrics (id) ON DELETE CASCADE,
  step BIGINT NOT NULL,
  at BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  nan BOOLEAN NOT NULL,
  PRIMARY KEY (metric_id, step, at, value, nan)
)@clustered;

CREATE TABLE versions (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  model_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  semver TEXT NOT NULL,
  semver_key TEXT NOT NULL,
  pre_release BOOLEAN NOT NULL,
  description TEXT NOT NULL,
  author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  run_id BIGINT NOT NULL REFERENCES runs (id),
  package_id BIGINT NOT NULL REFERENCES packages (id),
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX versions_semver ON versions (model_id, semver);
CREATE UNIQUE INDEX versions_number ON versions (model_id, number);
CREATE INDEX versions_id ON versions (model_id, id);
CREATE INDEX versions_order ON versions (model_id, semver_key, id);
CREATE INDEX versions_latest ON versions (model_id, pre_release, semver_key, id);
CREATE INDEX versions_created ON versions (model_id, created_at, id);
CREATE INDEX versions_project ON versions (project_id, id);
CREATE UNIQUE INDEX versions_run ON versions (run_id);
CREATE UNIQUE INDEX versions_package ON versions (package_id);
CREATE INDEX versions_author ON versions (author_id);

CREATE TABLE aliases (
  model_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  version_id BIGINT NOT NULL REFERENCES versions (id) ON DELETE CASCADE,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (model_id, name)
);
CREATE INDEX aliases_version ON aliases (version_id);

CREATE TABLE model_tags (
  owner_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);
CREATE TABLE version_tags (
  owner_id BIGINT NOT NULL REFERENCES versions (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);
CREATE TABLE experiment_tags (
  owner_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);
CREATE TABLE run_tags (
  owner_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);

-- blobs promises that the bytes are in the store while dying is false.
CREATE TABLE blobs (
  digest TEXT PRIMARY KEY,
  size BIGINT NOT NULL,
  touched_at BIGINT NOT NULL,
  dying BOOLEAN NOT NULL
);

CREATE TABLE files (
  id @id,
  package_id BIGINT NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  digest TEXT NOT NULL REFERENCES blobs (digest),
  size BIGINT NOT NULL,
  status TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX files_path ON files (package_id, path);
CREATE INDEX files_id ON files (package_id, id);
CREATE INDEX files_digest ON files (digest);

CREATE TABLE jobs (
  id @id,
  kind TEXT NOT NULL,
  args TEXT NOT NULL,
  unique_key TEXT,
  state TEXT NOT NULL,
  run_at BIGINT NOT NULL,
  attempt BIGINT NOT NULL DEFAULT 0,
  max_attempts BIGINT NOT NULL,
  lease_until BIGINT NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  ended_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key);
CREATE INDEX jobs_due ON jobs (state, run_at, id);
