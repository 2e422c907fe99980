-- How many times files of a model's versions were downloaded.
ALTER TABLE models ADD COLUMN download_count BIGINT NOT NULL DEFAULT 0;
