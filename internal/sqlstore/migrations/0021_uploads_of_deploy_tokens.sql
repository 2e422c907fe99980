-- Uploads of deploy tokens, which are nobody's.
ALTER TABLE uploads ADD COLUMN deploy_token_id BIGINT REFERENCES deploy_tokens (id) ON DELETE CASCADE;
CREATE INDEX uploads_deploy_token ON uploads (deploy_token_id, project_id, id);
