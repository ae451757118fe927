-- Words are indexed many messages at a time, and before every search: one by one, that was a fifth of what
-- storing a turn took. This is how far the index goes, by the position of a message.
CREATE TABLE message_words_end (position INTEGER NOT NULL);
INSERT INTO message_words_end (position) SELECT ifnull(max(position), 0) FROM messages;

DROP TRIGGER message_added;
DROP TRIGGER message_removed;
CREATE TRIGGER message_removed AFTER DELETE ON messages
WHEN old.position <= (SELECT position FROM message_words_end)
    AND json_extract(old.body, '$.role') IN ('user', 'assistant') BEGIN
    INSERT INTO message_words (message_words, rowid, text) VALUES (
        'delete',
        old.position,
        ifnull(json_extract(old.body, '$.content'), '') || ifnull(json_extract(old.body, '$.text'), '')
    );
END;
