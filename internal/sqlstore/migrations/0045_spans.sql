-- The steps of traces, as OpenTelemetry's exporters send them. Times are in
-- nanoseconds since 1970; ended is 0 for unknown. content is the step as a dialect
-- spells it, in which texts are looked for.
CREATE TABLE trace_spans (
  trace_id BIGINT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  eid TEXT NOT NULL,
  parent TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  began BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (trace_id, eid)
);

-- Whether a client has told state and times; else they follow from the spans.
ALTER TABLE traces ADD COLUMN told BOOLEAN NOT NULL DEFAULT TRUE;

-- What traces belong to besides: runs by their eid, prompts as "name/version".
-- Either may have gone.
CREATE TABLE trace_links (
  trace_id BIGINT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  PRIMARY KEY (trace_id, kind, target)
);
CREATE INDEX trace_links_target ON trace_links (kind, target, trace_id);
