-- Where an alias has pointed: a row for each time it was set, moved or deleted.
-- The version is kept as text too, for it may be gone.
CREATE TABLE alias_moves (
  id @id,
  model_id BIGINT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  version_id BIGINT NOT NULL,
  semver TEXT NOT NULL,
  author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
  at BIGINT NOT NULL
);
CREATE INDEX alias_moves_name ON alias_moves (model_id, name, id);
CREATE INDEX alias_moves_author ON alias_moves (author_id);
