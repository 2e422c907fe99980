-- Events by any part of what they say, as names are (migration 0040): act, subject,
-- detail, place and actor. They never change but for how often they were.
CREATE VIRTUAL TABLE event_texts USING fts5 (name, content = '', contentless_delete = 1, detail = column, tokenize = 'trigram');
INSERT INTO event_texts (rowid, name) SELECT id, fold(replace(replace(act, '.', ' '), '_', ' ') || ' ' || subject || ' ' || detail || ' ' || place || ' ' || actor) FROM events;
CREATE TRIGGER event_told AFTER INSERT ON events BEGIN
  INSERT INTO event_texts (rowid, name) VALUES (new.id, fold(replace(replace(new.act, '.', ' '), '_', ' ') || ' ' || new.subject || ' ' || new.detail || ' ' || new.place || ' ' || new.actor));
END;
CREATE TRIGGER event_forgotten AFTER DELETE ON events BEGIN
  DELETE FROM event_texts WHERE rowid = old.id;
END;
