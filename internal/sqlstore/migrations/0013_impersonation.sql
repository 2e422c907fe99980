-- Tokens that an administrator made to act as somebody, who does not see them.
ALTER TABLE tokens ADD COLUMN impersonation BOOLEAN NOT NULL DEFAULT FALSE;
