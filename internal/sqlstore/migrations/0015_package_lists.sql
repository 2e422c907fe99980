-- When a file of a package was downloaded last, to within some seconds, and
-- whether the files of generic packages may be uploaded again.
ALTER TABLE packages ADD COLUMN last_downloaded_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN duplicates_refused BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE projects ADD COLUMN duplicates_except TEXT NOT NULL DEFAULT '';
CREATE INDEX packages_name ON packages (project_id, name, id);
CREATE INDEX packages_version ON packages (project_id, version, id);
CREATE INDEX packages_type ON packages (project_id, type, id);
