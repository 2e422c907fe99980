-- Lists of runs that are narrowed to a status, or ordered by name or start within an
-- experiment. Runs are numbered as they are made, so their order of creation
-- needs no index of its own.
CREATE INDEX runs_of_name ON runs (experiment_id, name, id);
CREATE INDEX runs_of_start ON runs (experiment_id, started_at, id);
CREATE INDEX runs_status ON runs (project_id, status, id);
CREATE INDEX runs_of_status ON runs (experiment_id, status, id);
DROP INDEX runs_created;
