-- Embeddings of what is searched by its meaning, each under the model that made it.
CREATE TABLE passage_vectors (
    position INTEGER PRIMARY KEY REFERENCES passages (position) ON DELETE CASCADE,
    model    TEXT NOT NULL,
    vector   BLOB NOT NULL
);

CREATE TABLE chunk_vectors (
    position INTEGER PRIMARY KEY REFERENCES file_chunks (position) ON DELETE CASCADE,
    model    TEXT NOT NULL,
    vector   BLOB NOT NULL
);
