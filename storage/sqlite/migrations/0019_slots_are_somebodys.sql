-- People read what their own agent did by itself: a slot knows in whose name it came.
ALTER TABLE fire ADD COLUMN person TEXT;
UPDATE fire SET person = (SELECT inbox.person FROM inbox WHERE inbox.seq = fire.message)
WHERE message IS NOT NULL;
CREATE INDEX fire_person ON fire (person, role, fired_at, due_at, schedule) WHERE person IS NOT NULL;
