-- Logged models, MLflow 3's: what a run has made, before anybody registers it.
-- Deleted ones stay, hidden. source_run is a run's eid: it may have gone, or
-- never have been here.
CREATE TABLE logged_models (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  eid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  source_run TEXT NOT NULL,
  author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  package_id BIGINT REFERENCES packages (id) ON DELETE SET NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  deleted_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX logged_models_project ON logged_models (project_id, id);
CREATE INDEX logged_models_recent ON logged_models (experiment_id, created_at, eid);
CREATE INDEX logged_models_author ON logged_models (author_id);
CREATE UNIQUE INDEX logged_models_package ON logged_models (package_id);
CREATE INDEX logged_models_deleted ON logged_models (deleted_at, id) WHERE deleted_at > 0;

CREATE TABLE logged_model_params (
  model_id BIGINT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model_id, key)
);
CREATE TABLE logged_model_tags (
  owner_id BIGINT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);

-- Each point of a metric that a run has logged with a model. The latest is that
-- of the highest time and step.
CREATE TABLE logged_model_metrics (
  id @id,
  model_id BIGINT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
  run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  at BIGINT NOT NULL,
  step BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  nan BOOLEAN NOT NULL,
  dataset TEXT NOT NULL,
  digest TEXT NOT NULL
);
CREATE UNIQUE INDEX logged_model_metrics_point ON logged_model_metrics (model_id, key, at, step, run_id);
CREATE INDEX logged_model_metrics_run ON logged_model_metrics (run_id);
