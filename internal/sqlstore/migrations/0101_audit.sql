-- Whose account an event is about (0: nobody's), for the lists of one account, one
-- group, and of each sort of thing; and a refused password is found by the account
-- that was meant.
ALTER TABLE events ADD COLUMN user_id BIGINT NOT NULL DEFAULT 0;
UPDATE events SET user_id = coalesce((SELECT u.id FROM users u WHERE u.username_key = lower(events.subject)), 0) WHERE topic IN ('user', 'member');
UPDATE events SET user_id = actor_id WHERE topic = 'token' AND project_id = 0 AND group_id = 0;
UPDATE events SET actor_key = lower(subject) WHERE act = 'user.refused';
CREATE INDEX events_group ON events (group_id, at, id) WHERE group_id > 0;
CREATE INDEX events_user ON events (user_id, at, id) WHERE user_id <> 0 AND project_id = 0 AND group_id = 0;
CREATE INDEX events_own ON events (project_id, actor_id, at, id) WHERE project_id > 0;
CREATE INDEX events_of_groups ON events (at, id) WHERE group_id <> 0;
CREATE INDEX events_of_users ON events (at, id) WHERE user_id <> 0 AND project_id = 0 AND group_id = 0;
CREATE INDEX events_of_server ON events (at, id) WHERE user_id = 0 AND project_id = 0 AND group_id = 0;
