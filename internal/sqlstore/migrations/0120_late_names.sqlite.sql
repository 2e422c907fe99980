-- Names of runs and texts of events are added to their indexes at the end of a
-- transaction, for all new rows together (sqlstore/names.go): one by one, each
-- cost as much as the row itself.
DROP TRIGGER run_named;
DROP TRIGGER event_told;
