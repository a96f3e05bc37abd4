-- Sweeps: looks at what stands in Identity Center, with what they found, and what is accepted as
-- standing.

-- Every legal step of a run. Filled from the machine's own table on open.
CREATE TABLE sweep_steps (
    prior TEXT NOT NULL,
    next  TEXT NOT NULL,
    PRIMARY KEY (prior, next)
) STRICT, WITHOUT ROWID;

CREATE TABLE sweeps (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 0),
    state   TEXT NOT NULL,
    -- whether it has looked: the newest of these is what is known of standing access
    listed  INTEGER NOT NULL CHECK (listed IN (0, 1)),
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sweeps_one_at_a_time ON sweeps (state) WHERE state = 'running';
CREATE INDEX sweeps_listed ON sweeps (id) WHERE listed = 1;
CREATE INDEX sweeps_open ON sweeps (id)
    WHERE state IN ('running', 'planned', 'stopped', 'working');

CREATE TRIGGER sweeps_take_legal_steps
BEFORE UPDATE OF state ON sweeps
WHEN NOT EXISTS (SELECT 1 FROM sweep_steps WHERE prior = OLD.state AND next = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'a sweep has no such step');
END;

CREATE TABLE sweep_items (
    sweep_id TEXT NOT NULL,
    hold_key TEXT NOT NULL,
    version  INTEGER NOT NULL CHECK (version >= 0),
    -- whether something is still to come of it
    open     INTEGER NOT NULL CHECK (open IN (0, 1)),
    -- whether its run acted on it: then it is kept for as long as the run
    acted_on INTEGER NOT NULL CHECK (acted_on IN (0, 1)),
    body     TEXT NOT NULL,
    PRIMARY KEY (sweep_id, hold_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX sweep_items_open ON sweep_items (sweep_id, hold_key) WHERE open = 1;

CREATE TABLE accepted_standing (
    hold_key TEXT PRIMARY KEY,
    version  INTEGER NOT NULL CHECK (version >= 0),
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
