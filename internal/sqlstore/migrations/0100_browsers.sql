-- Where browsers have signed in from. What has no row signed in before this.
CREATE TABLE browsers (
  token_id BIGINT PRIMARY KEY REFERENCES tokens (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  agent TEXT NOT NULL
);
