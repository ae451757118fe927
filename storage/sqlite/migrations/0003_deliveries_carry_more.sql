-- Buttons and files that go with a message, as JSON; NULL for most.
ALTER TABLE delivery ADD COLUMN extras TEXT;
