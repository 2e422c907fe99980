-- The contents of small blobs, which need no file then. They come and go with the
-- row that promises them; a table of their own keeps that of all blobs narrow.
CREATE TABLE contents (
  id @id,
  digest TEXT NOT NULL UNIQUE REFERENCES blobs (digest) ON DELETE CASCADE,
  content @bytes NOT NULL,
  created_at BIGINT NOT NULL
);
