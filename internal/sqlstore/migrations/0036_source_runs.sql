-- The versions of a run, in an index that is of no use for a whole project: the
-- latest changes there come out of versions_updated in their order.
DROP INDEX versions_source_run;
CREATE INDEX versions_source_run ON versions (source_run, project_id, id);
