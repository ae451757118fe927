-- What ended turns have used, by day of UTC.
CREATE TABLE usage (
    day TEXT NOT NULL,                  -- 2026-01-31
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    schedule TEXT NOT NULL,             -- empty when a person wrote
    turns INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (day, person, role, schedule)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_role ON usage (day, role);
CREATE INDEX usage_schedule ON usage (day, schedule) WHERE schedule <> '';
