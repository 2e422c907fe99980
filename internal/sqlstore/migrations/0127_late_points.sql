-- Points that are not packed have rows: those that came late, and all of a
-- metric whose points had not come in order before there were blocks.
CREATE TABLE late_points (
  metric_id BIGINT NOT NULL REFERENCES metrics (id) ON DELETE CASCADE,
  step BIGINT NOT NULL,
  at BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  nan BOOLEAN NOT NULL,
  PRIMARY KEY (metric_id, step, at, value, nan)
)@clustered;
INSERT INTO late_points (metric_id, step, at, value, nan)
SELECT p.metric_id, p.step, p.at, p.value, p.nan FROM metrics k CROSS JOIN metric_points p WHERE k.packed = 0 AND p.metric_id = k.id;
DROP TABLE metric_points;
ALTER TABLE metrics DROP COLUMN ordered;
