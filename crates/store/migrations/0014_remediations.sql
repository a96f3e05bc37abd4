-- Remediations of findings: what was decided about each, and how far it is.

CREATE TABLE remediations (
    id         TEXT PRIMARY KEY,
    rule       TEXT NOT NULL,
    account    TEXT NOT NULL,
    resource   TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    -- since when it acts: counts for the limit of its rule
    acts_at    INTEGER,
    -- when something is to be done about it next
    due_at     INTEGER,
    -- 1: it waits for people
    backlog    INTEGER NOT NULL CHECK (backlog BETWEEN 0 AND 1),
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX remediations_due ON remediations (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX remediations_acting ON remediations (rule, acts_at) WHERE acts_at IS NOT NULL;
CREATE INDEX remediations_of_resource ON remediations (account, resource, decided_at);
CREATE INDEX remediations_by_time ON remediations (backlog, decided_at);

-- One row while all writes of remediations are paused.
CREATE TABLE remediation_pause (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    by   TEXT NOT NULL,
    at   INTEGER NOT NULL
) STRICT;
