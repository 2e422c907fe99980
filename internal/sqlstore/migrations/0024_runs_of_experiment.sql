-- The latest runs of an experiment, versions' runs among them: runs_experiment
-- has version_id in between, so a page of them would sort all runs.
CREATE INDEX runs_of_experiment ON runs (experiment_id, id);
