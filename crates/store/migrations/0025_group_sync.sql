-- Memberships of groups that follow attributes of people: those that are being changed or that AWS refuses to change,
-- and the newest run that compared them.

CREATE TABLE group_sync_items (
    hold_key TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE group_sync_runs (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL CHECK (version > 0),
    body    TEXT NOT NULL
) STRICT;
