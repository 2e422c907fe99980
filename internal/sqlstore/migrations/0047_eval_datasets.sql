-- Data sets for the evaluation of applications: records of inputs, and what is
-- expected of them. The parts of a record are in the form of the dialect.
CREATE TABLE eval_datasets (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  eid TEXT NOT NULL,
  name TEXT NOT NULL,
  schema TEXT NOT NULL,
  records BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  digest TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX eval_datasets_eid ON eval_datasets (project_id, eid);
CREATE INDEX eval_datasets_recent ON eval_datasets (project_id, created_at, eid);

CREATE TABLE eval_dataset_tags (
  owner_id BIGINT NOT NULL REFERENCES eval_datasets (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);

CREATE TABLE eval_dataset_experiments (
  dataset_id BIGINT NOT NULL REFERENCES eval_datasets (id) ON DELETE CASCADE,
  experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  PRIMARY KEY (dataset_id, experiment_id)
);
CREATE INDEX eval_dataset_experiments_of ON eval_dataset_experiments (experiment_id);

CREATE TABLE eval_records (
  id @id,
  dataset_id BIGINT NOT NULL REFERENCES eval_datasets (id) ON DELETE CASCADE,
  eid TEXT NOT NULL,
  hash TEXT NOT NULL,
  inputs TEXT NOT NULL,
  outputs TEXT NOT NULL,
  expectations TEXT NOT NULL,
  tags TEXT NOT NULL,
  source TEXT NOT NULL,
  created_by TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX eval_records_hash ON eval_records (dataset_id, hash);
CREATE UNIQUE INDEX eval_records_page ON eval_records (dataset_id, created_at, eid);
CREATE INDEX eval_records_eid ON eval_records (dataset_id, eid);
