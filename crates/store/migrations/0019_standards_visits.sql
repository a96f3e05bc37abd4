-- Accounts whose standards and controls of Security Hub are looked at, as something asked for it; and when all were.

CREATE TABLE standards_visits (
    account  TEXT PRIMARY KEY,
    asked_at INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    looks    INTEGER NOT NULL CHECK (looks >= 0),
    plan     TEXT,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX standards_visits_by_due ON standards_visits (due);

CREATE TABLE standards_sweep (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    at   INTEGER NOT NULL
) STRICT;
