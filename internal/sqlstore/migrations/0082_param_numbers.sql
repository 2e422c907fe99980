-- Parameters as numbers, where they are: a list of runs by one goes along its
-- numbers, then along its texts in run_params_best. 0083 fills it.
ALTER TABLE run_params ADD COLUMN number DOUBLE PRECISION;
CREATE INDEX run_params_numbers ON run_params (experiment_id, key, number, run_id) WHERE number IS NOT NULL;
