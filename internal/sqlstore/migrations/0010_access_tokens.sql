-- Access tokens of projects and groups: each acts as a bot, which is a user of
-- that place alone and goes with it. A token that was made by rotating another
-- belongs to the family of the first, whose id it keeps.
ALTER TABLE users ADD COLUMN bot BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN bot_project_id BIGINT REFERENCES projects (id) ON DELETE CASCADE;
ALTER TABLE users ADD COLUMN bot_group_id BIGINT REFERENCES namespaces (id) ON DELETE CASCADE;
CREATE INDEX users_bot_project ON users (bot_project_id);
CREATE INDEX users_bot_group ON users (bot_group_id);

ALTER TABLE tokens ADD COLUMN group_id BIGINT REFERENCES namespaces (id) ON DELETE CASCADE;
ALTER TABLE tokens ADD COLUMN family BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tokens_group ON tokens (group_id, id);
CREATE INDEX tokens_family ON tokens (family);
