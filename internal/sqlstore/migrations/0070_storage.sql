-- How many bytes the files of a project have, kept by triggers on packages
-- (0071), and how many they may have: 0 is the server's limit, -1 none.
ALTER TABLE projects ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN storage_limit BIGINT NOT NULL DEFAULT 0;
UPDATE projects SET size = (SELECT coalesce(sum(k.size), 0) FROM packages k WHERE k.project_id = projects.id);
