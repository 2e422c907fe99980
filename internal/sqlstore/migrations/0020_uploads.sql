-- Files on their way. What a row says to have been received is on disk under
-- the name eid; hash_state is that of its SHA-256 in Base64. expect, match and
-- absent are what the file and the place for it have to be.
CREATE TABLE uploads (
  id @id,
  eid TEXT NOT NULL UNIQUE,
  owner_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
  project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  version_id BIGINT REFERENCES versions (id) ON DELETE CASCADE,
  run_iid BIGINT,
  generic TEXT NOT NULL,
  generic_version TEXT NOT NULL,
  path TEXT NOT NULL,
  file_status TEXT NOT NULL,
  absent BOOLEAN NOT NULL,
  match TEXT NOT NULL,
  expect TEXT NOT NULL,
  size BIGINT NOT NULL,
  parted BOOLEAN NOT NULL,
  note TEXT NOT NULL,
  received BIGINT NOT NULL DEFAULT 0,
  hash_state TEXT NOT NULL DEFAULT '',
  digest TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (project_id, run_iid) REFERENCES runs (project_id, iid) ON DELETE CASCADE
);
CREATE INDEX uploads_owner ON uploads (owner_id, project_id, id);
CREATE INDEX uploads_run ON uploads (project_id, run_iid);
CREATE INDEX uploads_version ON uploads (version_id);
CREATE INDEX uploads_digest ON uploads (digest);
CREATE INDEX uploads_expires ON uploads (expires_at, id);

-- The numbered pieces of uploads that come in parts.
CREATE TABLE upload_parts (
  upload_id BIGINT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
  number BIGINT NOT NULL,
  eid TEXT NOT NULL UNIQUE,
  size BIGINT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (upload_id, number)
);
