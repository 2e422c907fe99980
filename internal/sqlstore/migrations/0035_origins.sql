-- Where a version comes from and at which stage it is, as MLflow keeps them.
-- source_run is the run's eid: it stays when the run has gone. What was uploaded
-- here is of its own run.
ALTER TABLE versions ADD COLUMN stage TEXT NOT NULL DEFAULT 'none';
ALTER TABLE versions ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN location TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN source_run TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN run_link TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN logged_model TEXT NOT NULL DEFAULT '';
UPDATE versions SET source_run = (SELECT eid FROM runs WHERE runs.id = versions.run_id);
CREATE INDEX versions_stage ON versions (model_id, stage, number);
CREATE INDEX versions_source_run ON versions (project_id, source_run, id);
CREATE INDEX versions_updated ON versions (project_id, updated_at, id);
