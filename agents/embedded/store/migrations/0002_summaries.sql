-- What was said before the window of a conversation, in short; the newest one counts.
CREATE TABLE summaries (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    text            TEXT NOT NULL,
    -- The position of the last message it covers.
    covers_to       INTEGER NOT NULL,
    created_at      TEXT NOT NULL
);
CREATE INDEX summaries_by_conversation ON summaries (conversation_id, position);

-- The words of everything a person or an agent said.
CREATE VIRTUAL TABLE message_words USING fts5 (
    text, content = '', tokenize = 'porter unicode61'
);
INSERT INTO message_words (rowid, text)
    SELECT position, ifnull(json_extract(body, '$.content'), '') || ifnull(json_extract(body, '$.text'), '')
    FROM messages WHERE json_extract(body, '$.role') IN ('user', 'assistant');
CREATE TRIGGER message_added AFTER INSERT ON messages
WHEN json_extract(new.body, '$.role') IN ('user', 'assistant') BEGIN
    INSERT INTO message_words (rowid, text) VALUES (
        new.position,
        ifnull(json_extract(new.body, '$.content'), '') || ifnull(json_extract(new.body, '$.text'), '')
    );
END;
CREATE TRIGGER message_removed AFTER DELETE ON messages
WHEN json_extract(old.body, '$.role') IN ('user', 'assistant') BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES (
        'delete',
        old.position,
        ifnull(json_extract(old.body, '$.content'), '') || ifnull(json_extract(old.body, '$.text'), '')
    );
END;
