-- Where a stranger is told that they may talk.
ALTER TABLE pairing ADD COLUMN conversation text COLLATE "C";
