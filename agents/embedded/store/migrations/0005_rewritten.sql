-- How often messages of a conversation were changed or removed: whoever keeps what it read knows by it
-- that this is out of date. Messages that were only added are found by their positions.
ALTER TABLE conversations ADD COLUMN rewritten INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER message_rewritten AFTER UPDATE ON messages BEGIN
    UPDATE conversations SET rewritten = rewritten + 1 WHERE id = old.conversation_id;
END;
CREATE TRIGGER message_taken_out AFTER DELETE ON messages BEGIN
    UPDATE conversations SET rewritten = rewritten + 1 WHERE id = old.conversation_id;
END;
