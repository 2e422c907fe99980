-- What the lists of packages show.
ALTER TABLE packages ADD COLUMN status TEXT NOT NULL DEFAULT 'default';
CREATE INDEX packages_created ON packages (project_id, created_at, id);
