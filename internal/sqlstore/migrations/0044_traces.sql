-- What calls of an application did, by the id that its client chose. Durations
-- are in milliseconds, -1 for unknown.
CREATE TABLE traces (
  id @id,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  eid TEXT NOT NULL,
  client_id TEXT NOT NULL,
  state TEXT NOT NULL,
  at BIGINT NOT NULL,
  duration BIGINT NOT NULL,
  request TEXT NOT NULL,
  response TEXT NOT NULL
);
CREATE UNIQUE INDEX traces_eid ON traces (project_id, eid);
CREATE INDEX traces_recent ON traces (experiment_id, at, eid);

CREATE TABLE trace_tags (
  owner_id BIGINT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);
CREATE INDEX trace_tags_value ON trace_tags (key, value, owner_id);
CREATE TABLE trace_metadata (
  owner_id BIGINT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);
CREATE INDEX trace_metadata_value ON trace_metadata (key, value, owner_id);
