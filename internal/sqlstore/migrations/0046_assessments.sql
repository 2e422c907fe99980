-- What people, judges and code think of traces. value and error are in the form
-- of the dialect; number is the value, if it is one.
CREATE TABLE assessments (
  id @id,
  trace_id BIGINT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  eid TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  span TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source_id TEXT NOT NULL,
  value TEXT NOT NULL,
  number DOUBLE PRECISION,
  error TEXT NOT NULL,
  rationale TEXT NOT NULL,
  overrides TEXT NOT NULL,
  valid BOOLEAN NOT NULL,
  of_session BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX assessments_eid ON assessments (trace_id, eid);
CREATE INDEX assessments_named ON assessments (kind, name, trace_id);

CREATE TABLE assessment_metadata (
  owner_id BIGINT NOT NULL REFERENCES assessments (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
);
