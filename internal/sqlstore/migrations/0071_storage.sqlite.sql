-- A project counts the bytes of its packages, whoever changes or removes these:
-- also foreign keys, the trash and the purge. A package begins without files.
CREATE TRIGGER package_sized AFTER UPDATE OF size ON packages WHEN new.size <> old.size BEGIN
  UPDATE projects SET size = size + new.size - old.size WHERE id = new.project_id;
END;
CREATE TRIGGER package_dropped AFTER DELETE ON packages WHEN old.size <> 0 BEGIN
  UPDATE projects SET size = size - old.size WHERE id = old.project_id;
END;
