-- Where projects were: an old full path leads to its project until a project or
-- group takes it.
CREATE TABLE redirects (
  full_key TEXT PRIMARY KEY,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE
);
CREATE INDEX redirects_project ON redirects (project_id);
