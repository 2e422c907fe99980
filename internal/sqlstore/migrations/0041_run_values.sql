-- Parameters and tags of runs as metrics have it (0033): a search by one goes
-- along an index of its experiment, in which runs that are equal come in the
-- order that searches give them. The same for the names, states and ends of runs.
CREATE TABLE run_params_new (
  run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  experiment_id BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  run_eid TEXT NOT NULL,
  PRIMARY KEY (run_id, key)
)@clustered;
INSERT INTO run_params_new (run_id, key, value, experiment_id, started_at, run_eid)
SELECT p.run_id, p.key, p.value, r.experiment_id, r.started_at, r.eid FROM run_params p JOIN runs r ON r.id = p.run_id ORDER BY p.run_id, p.key;
DROP TABLE run_params;
ALTER TABLE run_params_new RENAME TO run_params;
CREATE INDEX run_params_best ON run_params (experiment_id, key, value, started_at, run_eid DESC, run_id);

CREATE TABLE run_tags_new (
  owner_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  experiment_id BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  run_eid TEXT NOT NULL,
  PRIMARY KEY (owner_id, key)
)@clustered;
INSERT INTO run_tags_new (owner_id, key, value, experiment_id, started_at, run_eid)
SELECT g.owner_id, g.key, g.value, r.experiment_id, r.started_at, r.eid FROM run_tags g JOIN runs r ON r.id = g.owner_id ORDER BY g.owner_id, g.key;
DROP TABLE run_tags;
ALTER TABLE run_tags_new RENAME TO run_tags;
CREATE INDEX run_tags_best ON run_tags (experiment_id, key, value, started_at, run_eid DESC, owner_id);

DROP INDEX metrics_best;
CREATE INDEX metrics_best ON metrics (experiment_id, key, nan, value, started_at, run_eid DESC, run_id);
CREATE INDEX runs_called ON runs (experiment_id, name, started_at, eid DESC);
CREATE INDEX runs_of_state ON runs (experiment_id, upper(status), started_at, eid DESC);
CREATE INDEX runs_of_end ON runs (experiment_id, ended_at, started_at, eid DESC);
