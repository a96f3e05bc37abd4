-- The file of standards that a person applied last, and the changes of accounts that the server took for a day.

CREATE TABLE standards_applied (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    hash TEXT NOT NULL,
    at   INTEGER NOT NULL,
    by   TEXT NOT NULL
) STRICT;

CREATE TABLE standards_changes (
    day      TEXT NOT NULL,
    account  TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (day, account, asked_at)
) STRICT, WITHOUT ROWID;
