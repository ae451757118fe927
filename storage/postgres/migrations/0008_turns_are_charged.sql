-- What ended turns have used, by day of UTC.
CREATE TABLE usage (
    day text NOT NULL,                  -- 2026-01-31
    person text NOT NULL,
    role text NOT NULL,
    schedule text NOT NULL,             -- empty when a person wrote
    turns bigint NOT NULL,
    tokens bigint NOT NULL,
    PRIMARY KEY (day, person, role, schedule)
);
CREATE INDEX usage_role ON usage (day, role);
CREATE INDEX usage_schedule ON usage (day, schedule) WHERE schedule <> '';
