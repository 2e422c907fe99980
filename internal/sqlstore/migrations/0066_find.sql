-- What a search over everything goes along: versions by their text, tags by key
-- and by the beginning of their value, models by their last change.
CREATE INDEX versions_text ON versions (semver, id);
CREATE INDEX models_recent ON models (updated_at, id);
CREATE INDEX model_tags_key ON model_tags (lower(key), owner_id);
CREATE INDEX model_tags_value ON model_tags (lower(substr(value, 1, 80)), owner_id);
CREATE INDEX version_tags_key ON version_tags (lower(key), owner_id);
CREATE INDEX version_tags_value ON version_tags (lower(substr(value, 1, 80)), owner_id);
