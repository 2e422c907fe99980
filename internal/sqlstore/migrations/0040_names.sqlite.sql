-- Names by any part of them: an index of trigrams for each table that is
-- searched so; its rows have the ids of that table's rows. What it finds is
-- compared again in the table, so all that it has to be is complete: fold is the
-- lower case of all letters. The columns beside the name hold one trigram each,
-- made of an id (@project, @experiment), so that a search inside of a project
-- reads no other's names.
-- On this engine only: see engine.nameMatch.

CREATE VIRTUAL TABLE project_names USING fts5 (name, content = '', contentless_delete = 1, detail = column, tokenize = 'trigram');
CREATE VIRTUAL TABLE model_names USING fts5 (name, project, content = '', contentless_delete = 1, detail = column, tokenize = 'trigram');
CREATE VIRTUAL TABLE run_names USING fts5 (name, project, experiment, content = '', contentless_delete = 1, detail = column, tokenize = 'trigram');

INSERT INTO project_names (rowid, name) SELECT id, fold(full_path || ' ' || name) FROM projects WHERE deleted_at = 0;
INSERT INTO model_names (rowid, name, project) SELECT id, fold(name), @project FROM models AS new;
INSERT INTO run_names (rowid, name, project, experiment) SELECT id, fold(name), @project, @experiment FROM runs AS new;

CREATE TRIGGER project_named AFTER INSERT ON projects BEGIN
  INSERT INTO project_names (rowid, name) VALUES (new.id, fold(new.full_path || ' ' || new.name));
END;
CREATE TRIGGER project_renamed AFTER UPDATE OF name, full_path ON projects
WHEN new.deleted_at = 0 AND (new.name <> old.name OR new.full_path <> old.full_path) BEGIN
  DELETE FROM project_names WHERE rowid = old.id;
  INSERT INTO project_names (rowid, name) VALUES (new.id, fold(new.full_path || ' ' || new.name));
END;
CREATE TRIGGER project_hidden AFTER UPDATE OF deleted_at ON projects WHEN new.deleted_at > 0 BEGIN
  DELETE FROM project_names WHERE rowid = old.id;
END;
CREATE TRIGGER project_unnamed AFTER DELETE ON projects BEGIN
  DELETE FROM project_names WHERE rowid = old.id;
END;

CREATE TRIGGER model_named AFTER INSERT ON models BEGIN
  INSERT INTO model_names (rowid, name, project) VALUES (new.id, fold(new.name), @project);
END;
CREATE TRIGGER model_renamed AFTER UPDATE OF name ON models WHEN new.name <> old.name BEGIN
  DELETE FROM model_names WHERE rowid = old.id;
  INSERT INTO model_names (rowid, name, project) VALUES (new.id, fold(new.name), @project);
END;
CREATE TRIGGER model_unnamed AFTER DELETE ON models BEGIN
  DELETE FROM model_names WHERE rowid = old.id;
END;

CREATE TRIGGER run_named AFTER INSERT ON runs BEGIN
  INSERT INTO run_names (rowid, name, project, experiment) VALUES (new.id, fold(new.name), @project, @experiment);
END;
CREATE TRIGGER run_renamed AFTER UPDATE OF name ON runs WHEN new.name <> old.name BEGIN
  DELETE FROM run_names WHERE rowid = old.id;
  INSERT INTO run_names (rowid, name, project, experiment) VALUES (new.id, fold(new.name), @project, @experiment);
END;
CREATE TRIGGER run_unnamed AFTER DELETE ON runs BEGIN
  DELETE FROM run_names WHERE rowid = old.id;
END;
