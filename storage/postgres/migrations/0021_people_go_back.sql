-- Which thread of an agent was the present one, from which message on: people go back to earlier ones.
CREATE TABLE thread (
    agent text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    since bigint NOT NULL,              -- seq of the message in the inbox; 0 for the first thread
    thread text COLLATE "C" NOT NULL,
    PRIMARY KEY (agent, conversation, since)
);
