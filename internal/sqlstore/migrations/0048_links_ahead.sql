-- Links of traces that have not come yet: clients send traces in their own time.
CREATE TABLE trace_links_ahead (
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  eid TEXT NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (project_id, eid, kind, target)
);
