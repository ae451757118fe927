-- How many turns of a person run at once is bounded: lanes that wait for one are parked (state 3).
ALTER TABLE mailbox ADD COLUMN person text COLLATE "C";  -- whose seat the turn takes (2), or is waited for (3)
CREATE INDEX mailbox_seat ON mailbox (person) WHERE state = 2;
CREATE INDEX mailbox_parked ON mailbox (person, ready_at, lane) WHERE state = 3;
