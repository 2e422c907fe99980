-- Deploy tokens: machines that are nobody, in one project or one group.
CREATE TABLE deploy_tokens (
  id @id,
  name TEXT NOT NULL,
  username TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  scopes BIGINT NOT NULL,
  creator_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  project_id BIGINT REFERENCES projects (id) ON DELETE CASCADE,
  group_id BIGINT REFERENCES namespaces (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX deploy_tokens_project ON deploy_tokens (project_id, id);
CREATE INDEX deploy_tokens_group ON deploy_tokens (group_id, id);
CREATE INDEX deploy_tokens_creator ON deploy_tokens (creator_id);
