-- How much a project, and each of its models, takes up is summed along this.
CREATE INDEX packages_sizes ON packages (project_id, type, name, size);
