-- People cancel a turn wherever it runs: its worker reads it here.
ALTER TABLE turn ADD COLUMN is_cancelled boolean NOT NULL DEFAULT false;
CREATE INDEX turn_cancelled ON turn (id) WHERE is_cancelled AND state = 'running';
