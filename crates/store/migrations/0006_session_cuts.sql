-- Sessions that outlive grants and are denied until the last of them has ended, over or not.
CREATE TABLE session_cuts (
    grant_id TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    account  TEXT NOT NULL,
    -- when it is looked at again; none when it is over
    due      TEXT,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_cuts_open ON session_cuts (due) WHERE due IS NOT NULL;
