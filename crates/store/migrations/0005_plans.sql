-- Plans with their journals, the lanes they hold, and what plans about policies leave behind.
CREATE TABLE plans (
    id      TEXT PRIMARY KEY,
    -- larger than that of every plan saved before
    number  INTEGER NOT NULL UNIQUE CHECK (number > 0),
    aborted INTEGER NOT NULL CHECK (aborted IN (0, 1)),
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, in order. A record is never changed.
CREATE TABLE plan_journal (
    plan   TEXT NOT NULL REFERENCES plans (id),
    number INTEGER NOT NULL CHECK (number > 0),
    body   TEXT NOT NULL,
    PRIMARY KEY (plan, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER plan_journal_is_not_changed BEFORE UPDATE ON plan_journal
BEGIN
    SELECT RAISE(ABORT, 'a journal is append-only');
END;

-- Only a record that a stop tore, the last one, may go.
CREATE TRIGGER plan_journal_is_not_removed BEFORE DELETE ON plan_journal
WHEN json_valid(OLD.body)
    OR EXISTS (SELECT 1 FROM plan_journal WHERE plan = OLD.plan AND number > OLD.number)
BEGIN
    SELECT RAISE(ABORT, 'a journal is append-only');
END;

CREATE TABLE lanes (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Outage drills, over or not.
CREATE TABLE drills (
    id      TEXT PRIMARY KEY,
    ends_at TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Entries of revocation policies, and when the last session each can select has ended.
CREATE TABLE revocations (
    policy  TEXT NOT NULL,
    entry   TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (policy, entry)
) STRICT, WITHOUT ROWID;
