-- Points of a metric that came in order, each after the one before by step and
-- by time both, are packed, 38 to a row: a thirtieth of the rows and of their
-- work. Each row tells its first point, so that a point is found by an index;
-- the row of the n-th is (n - 1) / 38. metrics.packed counts them.
CREATE TABLE metric_blocks (
  metric_id BIGINT NOT NULL REFERENCES metrics (id) ON DELETE CASCADE,
  block BIGINT NOT NULL,
  step BIGINT NOT NULL,
  at BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  nan BOOLEAN NOT NULL,
  points @bytes NOT NULL,
  PRIMARY KEY (metric_id, block)
)@clustered;
CREATE INDEX metric_blocks_first ON metric_blocks (metric_id, step, at, value, nan);
ALTER TABLE metrics ADD COLUMN packed BIGINT NOT NULL DEFAULT 0;
