-- Who did what, when. Events outlive what they are about and who did it, so
-- they have no foreign keys, and keep names as they were.
CREATE TABLE events (
  id @id,
  at BIGINT NOT NULL,
  actor_id BIGINT NOT NULL,
  actor TEXT NOT NULL,
  actor_key TEXT NOT NULL,
  token_kind TEXT NOT NULL,
  token_id BIGINT NOT NULL,
  topic TEXT NOT NULL,
  act TEXT NOT NULL,
  project_id BIGINT NOT NULL,
  group_id BIGINT NOT NULL,
  model_id BIGINT NOT NULL,
  place TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX events_at ON events (at, id);
CREATE INDEX events_topic ON events (topic, at, id);
CREATE INDEX events_actor ON events (actor_key, at, id);
CREATE INDEX events_project ON events (project_id, at, id) WHERE project_id > 0;
CREATE INDEX events_model ON events (model_id, at, id) WHERE model_id > 0;
