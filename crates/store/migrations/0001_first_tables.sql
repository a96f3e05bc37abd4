-- The first tables. Each row is a JSON body, with the columns that guards and queries need beside
-- it. Instants are RFC 3339 text in UTC with nine decimals, so that text order is time order.

-- Every legal step of the two state machines. Filled from the machines' own tables on open.
CREATE TABLE request_steps (
    prior TEXT NOT NULL,
    next  TEXT NOT NULL,
    PRIMARY KEY (prior, next)
) STRICT, WITHOUT ROWID;

CREATE TABLE grant_steps (
    prior TEXT NOT NULL,
    next  TEXT NOT NULL,
    PRIMARY KEY (prior, next)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    id        TEXT PRIMARY KEY,
    version   INTEGER NOT NULL CHECK (version >= 0),
    state     TEXT NOT NULL,
    requester TEXT NOT NULL,
    hold_key  TEXT,
    dedupe    TEXT NOT NULL,
    due       TEXT,
    body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX requests_pending_once ON requests (dedupe) WHERE state = 'pending';
CREATE INDEX requests_due ON requests (due, id) WHERE due IS NOT NULL;
CREATE INDEX requests_by_state ON requests (state, id);
CREATE INDEX requests_by_requester ON requests (requester, id);
CREATE INDEX requests_by_key ON requests (hold_key, id) WHERE hold_key IS NOT NULL;

CREATE TRIGGER requests_take_legal_steps
BEFORE UPDATE OF state ON requests
WHEN NOT EXISTS (SELECT 1 FROM request_steps WHERE prior = OLD.state AND next = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'a request has no such step');
END;

CREATE TABLE grants (
    id        TEXT PRIMARY KEY,
    version   INTEGER NOT NULL CHECK (version >= 0),
    state     TEXT NOT NULL,
    holder    TEXT NOT NULL,
    hold_key  TEXT NOT NULL,
    account   TEXT,
    due       TEXT,
    ends_at   TEXT NOT NULL,
    live      INTEGER NOT NULL CHECK (live IN (0, 1)),
    stuck     INTEGER NOT NULL CHECK (stuck IN (0, 1)),
    seen_news INTEGER NOT NULL CHECK (seen_news >= 0),
    -- the news of its assignment, kept by the triggers below
    news      INTEGER NOT NULL CHECK (news >= 0),
    body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX grants_live ON grants (ends_at, stuck) WHERE live = 1;
CREATE INDEX grants_live_by_key ON grants (hold_key, id) WHERE live = 1;
CREATE INDEX grants_due ON grants (due, ends_at, id) WHERE live = 1 AND due IS NOT NULL;
CREATE INDEX grants_with_news ON grants (ends_at, id) WHERE live = 1 AND news > seen_news;
CREATE INDEX grants_by_state ON grants (state, id);
CREATE INDEX grants_by_holder ON grants (holder, id);
CREATE INDEX grants_by_account ON grants (account, id) WHERE account IS NOT NULL;

CREATE TRIGGER grants_take_legal_steps
BEFORE UPDATE OF state ON grants
WHEN NOT EXISTS (SELECT 1 FROM grant_steps WHERE prior = OLD.state AND next = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'a grant has no such step');
END;

-- One row per person and target. `operation` is the kind in flight.
CREATE TABLE assignments (
    hold_key    TEXT PRIMARY KEY,
    rev         INTEGER NOT NULL CHECK (rev >= 0),
    until       TEXT NOT NULL,
    asked_at    TEXT NOT NULL,
    due         TEXT NOT NULL,
    verdict     TEXT NOT NULL,
    news        INTEGER NOT NULL CHECK (news >= 0),
    kind        TEXT NOT NULL CHECK (kind IN ('account', 'group')),
    lane        TEXT NOT NULL,
    operation   TEXT CHECK (operation IN ('create', 'delete')),
    lease_token TEXT,
    lease_until TEXT,
    body        TEXT NOT NULL,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX assignments_one_operation_per_lane
    ON assignments (lane) WHERE operation IS NOT NULL;
CREATE INDEX assignments_outstanding ON assignments (kind) WHERE operation IS NOT NULL;
CREATE INDEX assignments_due ON assignments (due, lease_until);

CREATE TRIGGER assignments_tell_news
AFTER UPDATE OF news ON assignments WHEN OLD.news <> NEW.news
BEGIN
    UPDATE grants SET news = NEW.news WHERE live = 1 AND hold_key = NEW.hold_key;
END;

CREATE TRIGGER assignments_take_news_with_them
AFTER DELETE ON assignments
BEGIN
    UPDATE grants SET news = 0 WHERE live = 1 AND hold_key = OLD.hold_key;
END;

-- Numbers that outlive rows.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT, WITHOUT ROWID;

-- The audit log: canonical text, never changed and never removed.
CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY CHECK (seq > 0),
    id         TEXT NOT NULL UNIQUE,
    event      TEXT NOT NULL,
    request_id TEXT,
    grant_id   TEXT,
    body       TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_request ON audit (request_id, seq) WHERE request_id IS NOT NULL;
CREATE INDEX audit_by_grant ON audit (grant_id, seq) WHERE grant_id IS NOT NULL;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- The end of the chain; one row once there is a record.
CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq      INTEGER NOT NULL REFERENCES audit (seq),
    hash     TEXT NOT NULL,
    time     TEXT NOT NULL
) STRICT;

CREATE TABLE notices (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    due      TEXT NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    body     TEXT NOT NULL
) STRICT;

CREATE INDEX notices_due ON notices (due);

CREATE TABLE answers (
    actor TEXT NOT NULL,
    key   TEXT NOT NULL,
    until TEXT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_until ON answers (until);

CREATE TABLE tokens (
    id   TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    key   TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
