-- Lists of models by their latest version, its size and downloads. Triggers
-- (0085) keep the copies of what the latest version has.
ALTER TABLE models ADD COLUMN latest_key TEXT NOT NULL DEFAULT '';
ALTER TABLE models ADD COLUMN latest_size BIGINT NOT NULL DEFAULT 0;
UPDATE models SET latest_key = coalesce((SELECT v.semver_key FROM versions v WHERE v.id = models.latest_id), ''),
  latest_size = coalesce((SELECT k.size FROM versions v JOIN packages k ON k.id = v.package_id WHERE v.id = models.latest_id), 0);
CREATE INDEX models_latest ON models (project_id, latest_key, id);
CREATE INDEX models_size ON models (project_id, latest_size, id);
CREATE INDEX models_downloads ON models (project_id, download_count, id);
