-- What slots came to, how schedules fare, and small things to remember.
ALTER TABLE fire ADD COLUMN why text NOT NULL DEFAULT '';   -- of a missed one
ALTER TABLE fire ADD COLUMN role text NOT NULL DEFAULT '';
ALTER TABLE fire ADD COLUMN message bigint;                 -- its wakeup in the inbox
ALTER TABLE fire ADD COLUMN result text;                    -- NULL until it is judged
CREATE INDEX fire_open ON fire (fired_at) WHERE result IS NULL AND message IS NOT NULL;
CREATE INDEX fire_role ON fire (role, fired_at, due_at, schedule);
CREATE INDEX fire_age ON fire (fired_at);
ALTER TABLE schedule ADD COLUMN failures integer NOT NULL DEFAULT 0;
ALTER TABLE schedule ADD COLUMN rest_until timestamptz;

CREATE TABLE note (
    subject text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (subject, name)
);
