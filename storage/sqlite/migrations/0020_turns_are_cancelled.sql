-- People cancel a turn wherever it runs: its worker reads it here.
ALTER TABLE turn ADD COLUMN is_cancelled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX turn_cancelled ON turn (id) WHERE is_cancelled = 1 AND state = 'running';
