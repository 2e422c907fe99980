-- What was counted of traces and of their steps, as the tokens of language
-- models and what they cost, and which model a step asked.
CREATE TABLE trace_amounts (
  trace_id BIGINT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (trace_id, key)
)@clustered;
CREATE TABLE span_amounts (
  trace_id BIGINT NOT NULL REFERENCES traces (id) ON DELETE CASCADE,
  span TEXT NOT NULL,
  key TEXT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  experiment_id BIGINT NOT NULL,
  began BIGINT NOT NULL,
  PRIMARY KEY (trace_id, span, key)
)@clustered;
CREATE INDEX span_amounts_began ON span_amounts (experiment_id, key, began);

ALTER TABLE trace_spans ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE trace_spans ADD COLUMN provider TEXT NOT NULL DEFAULT '';
-- All of a step but its content, which is long.
CREATE INDEX trace_spans_brief ON trace_spans (trace_id, began, ended, name, kind, status, model, provider);
