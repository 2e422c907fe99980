-- Runs that are equal in all keys of an order, and have started at the same
-- time, come by their outer id, as MLflow's clients know it. The indexes are
-- read backwards: the latest first, then the id forwards.
ALTER TABLE metrics ADD COLUMN run_eid TEXT NOT NULL DEFAULT '';
UPDATE metrics SET run_eid = r.eid FROM runs r WHERE r.id = metrics.run_id;
DROP INDEX metrics_order;
CREATE INDEX metrics_best ON metrics (experiment_id, key, nan, value, started_at, run_eid DESC);
DROP INDEX runs_recent;
CREATE INDEX runs_latest ON runs (experiment_id, started_at, eid DESC);
