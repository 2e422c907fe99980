-- Events that come by thousands are counted in one row: what they have in common
-- is their tally, and times is how many there were.
ALTER TABLE events ADD COLUMN times BIGINT NOT NULL DEFAULT 1;
ALTER TABLE events ADD COLUMN tally TEXT;
CREATE UNIQUE INDEX events_tally ON events (tally) WHERE tally IS NOT NULL;
