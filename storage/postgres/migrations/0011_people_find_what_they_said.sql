-- What one person said is found without walking through all.
CREATE INDEX inbox_person ON inbox (person, seq);
