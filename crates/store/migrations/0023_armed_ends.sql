-- Ends that AWS enforces by its own clock, over or not: one for each person, account and permission set.
CREATE TABLE armed_ends (
    hold_key TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    -- when it is looked at again; none when it is over
    due      TEXT,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX armed_ends_open ON armed_ends (due) WHERE due IS NOT NULL;
