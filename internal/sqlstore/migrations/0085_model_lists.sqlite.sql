-- A model has the precedence and size of its latest version, whoever changes
-- which that is, or its files.
CREATE TRIGGER model_latest AFTER UPDATE OF latest_id ON models WHEN new.latest_id <> old.latest_id BEGIN
  UPDATE models SET latest_key = coalesce((SELECT v.semver_key FROM versions v WHERE v.id = new.latest_id), ''),
    latest_size = coalesce((SELECT k.size FROM versions v JOIN packages k ON k.id = v.package_id WHERE v.id = new.latest_id), 0)
  WHERE id = new.id;
END;
CREATE TRIGGER model_sized AFTER UPDATE OF size ON packages WHEN new.size <> old.size BEGIN
  UPDATE models SET latest_size = new.size WHERE id = (SELECT m.id FROM versions v JOIN models m ON m.id = v.model_id AND m.latest_id = v.id
    WHERE v.package_id = new.id);
END;
