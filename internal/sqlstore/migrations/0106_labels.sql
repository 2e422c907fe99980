-- Versions in the order of OCI's tags, where "_" stands for "+".
CREATE INDEX versions_label ON versions (model_id, replace(semver, '+', '_'), id);
