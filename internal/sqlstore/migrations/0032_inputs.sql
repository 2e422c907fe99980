-- What runs were fed with, and which logged models they read and made. A data
-- set is kept once per experiment, name and digest.
CREATE TABLE input_datasets (
  id @id,
  experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  schema TEXT NOT NULL,
  profile TEXT NOT NULL
);
CREATE UNIQUE INDEX input_datasets_name ON input_datasets (experiment_id, name, digest);

CREATE TABLE run_inputs (
  id @id,
  run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  dataset_id BIGINT NOT NULL REFERENCES input_datasets (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX run_inputs_dataset ON run_inputs (run_id, dataset_id);
CREATE INDEX run_inputs_of ON run_inputs (dataset_id);

CREATE TABLE run_input_tags (
  owner_id BIGINT NOT NULL REFERENCES run_inputs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);

-- Logged models by their outer id.
CREATE TABLE run_models (
  run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  output BOOLEAN NOT NULL,
  model TEXT NOT NULL,
  step BIGINT NOT NULL,
  PRIMARY KEY (run_id, output, model)
);
CREATE INDEX run_models_model ON run_models (model, run_id);
