-- What a schedule wakes, by which rules, and the slot behind its next moment.
ALTER TABLE schedule ADD COLUMN slot_at INTEGER;
ALTER TABLE schedule ADD COLUMN conversation TEXT;
ALTER TABLE schedule ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
CREATE INDEX schedule_conversation ON schedule (conversation) WHERE conversation IS NOT NULL;
