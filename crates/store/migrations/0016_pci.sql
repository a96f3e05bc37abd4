-- Runs that judge passwords and activity of people: what the newest whole one found, and what the next goes on from.

CREATE TABLE pci_runs (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    version  INTEGER NOT NULL CHECK (version > 0),
    report   TEXT,
    evidence TEXT,
    state    TEXT,
    failed   TEXT
) STRICT;
