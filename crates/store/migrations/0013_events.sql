-- Events from the queue: what became of each, for a day; parked ones until somebody sends them again.

CREATE TABLE events (
    key   TEXT PRIMARY KEY,
    at    INTEGER NOT NULL,
    -- 0 handled, 1 parked, 2 being sent again
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    body  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX events_by_state ON events (state, at);
