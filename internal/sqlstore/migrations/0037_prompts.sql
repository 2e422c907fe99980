-- Prompts are models with a tag. Lists of models leave them out, and projects
-- count them by themselves.
ALTER TABLE models ADD COLUMN prompt BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE projects ADD COLUMN prompt_count BIGINT NOT NULL DEFAULT 0;
UPDATE models SET prompt = TRUE WHERE id IN (SELECT owner_id FROM model_tags WHERE key = 'mlflow.prompt.is_prompt' AND value = 'true');
UPDATE projects SET prompt_count = (SELECT count(*) FROM models m WHERE m.project_id = projects.id AND m.prompt),
  model_count = (SELECT count(*) FROM models m WHERE m.project_id = projects.id AND NOT m.prompt);
