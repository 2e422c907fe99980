-- A search by a metric goes along an index of one experiment. The points of a
-- metric are numbered as they came; while they came in order of step and time
-- both, that number is the rank of a point, by which a history is paged and
-- sampled.
ALTER TABLE metrics ADD COLUMN experiment_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE metrics ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE metrics ADD COLUMN points BIGINT NOT NULL DEFAULT 0;
ALTER TABLE metrics ADD COLUMN ordered BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE metric_points ADD COLUMN n BIGINT NOT NULL DEFAULT 0;

UPDATE metrics SET experiment_id = r.experiment_id, started_at = r.started_at FROM runs r WHERE r.id = metrics.run_id;
UPDATE metric_points SET n = ranked.n FROM (SELECT metric_id, step, at, value, nan,
  row_number() OVER (PARTITION BY metric_id ORDER BY step, at, value, nan) AS n FROM metric_points) AS ranked
WHERE metric_points.metric_id = ranked.metric_id AND metric_points.step = ranked.step AND metric_points.at = ranked.at
  AND metric_points.value = ranked.value AND metric_points.nan = ranked.nan;
UPDATE metrics SET points = (SELECT count(*) FROM metric_points p WHERE p.metric_id = metrics.id),
  ordered = NOT EXISTS (SELECT 1 FROM (SELECT p.at, lag(p.at) OVER (ORDER BY p.step, p.at, p.value, p.nan) AS earlier
    FROM metric_points p WHERE p.metric_id = metrics.id) AS o WHERE o.earlier > o.at);

CREATE UNIQUE INDEX metric_points_rank ON metric_points (metric_id, n);
CREATE INDEX metrics_order ON metrics (experiment_id, key, nan, value, started_at, run_id);
