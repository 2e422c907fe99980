-- What a search for versions in one project goes along.
CREATE INDEX versions_text_in ON versions (project_id, semver, id);
