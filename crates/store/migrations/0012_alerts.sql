-- Alerts on queries: what is known of each rule and of its rows between runs.

CREATE TABLE alert_states (
    rule    TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
