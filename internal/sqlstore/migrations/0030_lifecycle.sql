-- Deleted experiments and runs stay, hidden, until they are purged: MLflow's
-- clients can read and restore them.
ALTER TABLE experiments ADD COLUMN location TEXT NOT NULL DEFAULT '';
ALTER TABLE experiments ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN user_label TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX experiments_deleted ON experiments (deleted_at, id) WHERE deleted_at > 0;
CREATE INDEX runs_deleted ON runs (deleted_at, id) WHERE deleted_at > 0;
CREATE INDEX runs_recent ON runs (experiment_id, started_at, id);

-- MLflow's default experiment is number 0 of every project.
INSERT INTO experiments (project_id, iid, name, author_id, created_at, updated_at)
SELECT p.id, 0, CASE WHEN EXISTS (SELECT 1 FROM experiments o WHERE o.project_id = p.id AND o.name = 'Default')
  THEN 'Default (0)' ELSE 'Default' END, NULL, p.created_at, p.created_at
FROM projects p WHERE p.deleted_at = 0;
