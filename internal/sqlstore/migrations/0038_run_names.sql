-- MLflow repeats the name of a run among its tags, where it can be deleted.
ALTER TABLE runs ADD COLUMN name_hidden BOOLEAN NOT NULL DEFAULT FALSE;
