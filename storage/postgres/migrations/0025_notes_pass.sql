-- Notes of passing worth are about a moment, and are dropped with contents of that age.
ALTER TABLE note ADD COLUMN passing_at timestamptz;
CREATE INDEX note_passing ON note (passing_at) WHERE passing_at IS NOT NULL;
