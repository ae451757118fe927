-- Which thread of an agent was the present one, from which message on: people go back to earlier ones.
CREATE TABLE thread (
    agent TEXT NOT NULL,
    conversation TEXT NOT NULL,
    since INTEGER NOT NULL,             -- seq of the message in the inbox; 0 for the first thread
    thread TEXT NOT NULL,
    PRIMARY KEY (agent, conversation, since)
) STRICT, WITHOUT ROWID;
