-- What slots came to, how schedules fare, and small things to remember.
ALTER TABLE fire ADD COLUMN why TEXT NOT NULL DEFAULT '';   -- of a missed one
ALTER TABLE fire ADD COLUMN role TEXT NOT NULL DEFAULT '';
ALTER TABLE fire ADD COLUMN message INTEGER;                -- its wakeup in the inbox
ALTER TABLE fire ADD COLUMN result TEXT;                    -- NULL until it is judged
CREATE INDEX fire_open ON fire (fired_at) WHERE result IS NULL AND message IS NOT NULL;
CREATE INDEX fire_role ON fire (role, fired_at, due_at, schedule);
CREATE INDEX fire_age ON fire (fired_at);
ALTER TABLE schedule ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE schedule ADD COLUMN rest_until INTEGER;

CREATE TABLE note (
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (subject, name)
) STRICT, WITHOUT ROWID;
