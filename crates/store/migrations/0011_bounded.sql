-- Listings that read what they show, however long the past is, and a past that takes little room.
-- Requests, grants and the log are laid out anew: packed bodies, and the columns that listings go by
-- before them. Where this text says so, the rows of the old tables are copied.

-- People of the identity store, and accounts with a permission set's name (or groups): each is written
-- once, and columns hold its number.
CREATE TABLE principals (
    number  INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE subjects (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
) STRICT;

-- Who held the newest grant under an address.
CREATE TABLE last_holders (
    address TEXT PRIMARY KEY,
    holder  INTEGER NOT NULL REFERENCES principals (number)
) STRICT, WITHOUT ROWID;

-- Those who could approve a request when it was made; the same people for many requests.
CREATE TABLE approver_lists (
    number   INTEGER PRIMARY KEY,
    user_ids TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE approver_list_members (
    principal INTEGER NOT NULL REFERENCES principals (number),
    list      INTEGER NOT NULL REFERENCES approver_lists (number),
    PRIMARY KEY (principal, list)
) STRICT, WITHOUT ROWID;

CREATE TABLE new_requests (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    version     INTEGER NOT NULL CHECK (version >= 0),
    state       TEXT NOT NULL,
    requester   INTEGER NOT NULL,
    subject     INTEGER,
    approvers   INTEGER,
    -- while it waits; two with the same may not
    dedupe      TEXT,
    due         TEXT,
    open_review INTEGER NOT NULL CHECK (open_review IN (0, 1)),
    body        BLOB NOT NULL
) STRICT;

-- Those who gave a request one of several approvals.
CREATE TABLE request_reviewers (
    principal  INTEGER NOT NULL REFERENCES principals (number),
    request_id TEXT NOT NULL,
    PRIMARY KEY (principal, request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE new_grants (
    number    INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    version   INTEGER NOT NULL CHECK (version >= 0),
    state     TEXT NOT NULL,
    holder    INTEGER NOT NULL,
    subject   INTEGER,
    -- where nobody was asked, or only an address is known, there is none
    approver  INTEGER,
    account   TEXT,
    -- whether the access was seen
    granted   INTEGER NOT NULL CHECK (granted IN (0, 1)),
    -- while it is live
    hold_key  TEXT,
    due       TEXT,
    ends_at   TEXT NOT NULL,
    live      INTEGER NOT NULL CHECK (live IN (0, 1)),
    stuck     INTEGER NOT NULL CHECK (stuck IN (0, 1)),
    seen_news INTEGER NOT NULL CHECK (seen_news >= 0),
    -- the news of its assignment, kept by the triggers below
    news      INTEGER NOT NULL CHECK (news >= 0),
    body      BLOB NOT NULL
) STRICT;

-- The audit log: canonical text, packed, never changed and never removed.
CREATE TABLE new_audit (
    seq        INTEGER PRIMARY KEY CHECK (seq > 0),
    id         BLOB NOT NULL UNIQUE,
    request_id BLOB,
    grant_id   BLOB,
    body       BLOB NOT NULL
) STRICT;

-- Texts that records hold, each once, and where they stand: what a search reads instead of the log.
CREATE TABLE audit_texts (
    number INTEGER PRIMARY KEY,
    text   TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE audit_mentions (
    text INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (text, seq)
) STRICT, WITHOUT ROWID;

-- Parts of those texts, three letters at a time.
CREATE VIRTUAL TABLE audit_search USING fts5 (text, content = '', tokenize = 'trigram');

-- How many rows are in which state.
CREATE TABLE state_counts (
    kind  TEXT NOT NULL CHECK (kind IN ('request', 'grant')),
    state TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;

-- Here the rows are copied.
-- From here on the copies take the place of what they were copied from.

DROP TRIGGER assignments_tell_news;
DROP TRIGGER assignments_take_news_with_them;

DROP TABLE requests;
ALTER TABLE new_requests RENAME TO requests;

CREATE UNIQUE INDEX requests_pending_once ON requests (dedupe) WHERE dedupe IS NOT NULL;
CREATE INDEX requests_due ON requests (due, id) WHERE due IS NOT NULL;
CREATE INDEX requests_open_reviews ON requests (id, state, requester, subject, approvers)
    WHERE open_review = 1;
-- each holds what a listing goes by, so that only the rows that are shown are read
CREATE INDEX requests_listed ON requests (id, state, requester, subject, approvers);
CREATE INDEX requests_by_state ON requests (state, id, requester, subject, approvers);
CREATE INDEX requests_by_requester ON requests (requester, id, state, subject, approvers);
CREATE INDEX requests_by_subject ON requests (subject, id, state, requester, approvers);
CREATE INDEX requests_by_approvers ON requests (approvers, id, state, requester, subject)
    WHERE approvers IS NOT NULL;

CREATE TRIGGER requests_take_legal_steps
BEFORE UPDATE OF state ON requests
WHEN NOT EXISTS (SELECT 1 FROM request_steps WHERE prior = OLD.state AND next = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'a request has no such step');
END;

DROP TABLE grants;
ALTER TABLE new_grants RENAME TO grants;

CREATE INDEX grants_live ON grants (ends_at, stuck) WHERE live = 1;
CREATE INDEX grants_live_by_key ON grants (hold_key, id) WHERE live = 1;
CREATE INDEX grants_live_listed ON grants (id, state, holder, subject, approver, account, granted)
    WHERE live = 1;
CREATE INDEX grants_live_by_holder ON grants (holder, id, state, subject, approver, account, granted)
    WHERE live = 1;
CREATE INDEX grants_live_by_account ON grants (account, id, state, holder, subject, approver, granted)
    WHERE live = 1;
CREATE INDEX grants_due ON grants (due, ends_at, id) WHERE live = 1 AND due IS NOT NULL;
CREATE INDEX grants_with_news ON grants (ends_at, id) WHERE live = 1 AND news > seen_news;
-- those that keep their access wanted
CREATE INDEX grants_holding ON grants (ends_at)
    WHERE live = 1 AND state IN ('scheduled', 'granting', 'active');
CREATE INDEX grants_listed ON grants (id, state, holder, subject, approver, account, granted);
CREATE INDEX grants_by_state ON grants (state, id, holder, subject, approver, account, granted);
CREATE INDEX grants_by_holder ON grants (holder, id, state, subject, approver, account, granted);
CREATE INDEX grants_by_account ON grants (account, id, state, holder, subject, approver, granted)
    WHERE account IS NOT NULL;
CREATE INDEX grants_by_subject ON grants (subject, id, state, holder, approver, account, granted);
CREATE INDEX grants_by_approver ON grants (approver, id, state, holder, subject, account, granted)
    WHERE approver IS NOT NULL;

CREATE TRIGGER grants_take_legal_steps
BEFORE UPDATE OF state ON grants
WHEN NOT EXISTS (SELECT 1 FROM grant_steps WHERE prior = OLD.state AND next = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'a grant has no such step');
END;

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

-- the end of the chain stays; it names the log it is the end of
CREATE TABLE kept_head AS SELECT only_row, seq, hash, time FROM audit_head;
DROP TABLE audit_head;
DROP TABLE audit;
ALTER TABLE new_audit RENAME TO audit;
CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq      INTEGER NOT NULL REFERENCES audit (seq),
    hash     TEXT NOT NULL,
    time     TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (only_row, seq, hash, time) SELECT only_row, seq, hash, time FROM kept_head;
DROP TABLE kept_head;

CREATE INDEX audit_by_request ON audit (request_id, seq) WHERE request_id IS NOT NULL;
CREATE INDEX audit_by_grant ON audit (grant_id, seq) WHERE grant_id IS NOT NULL;

CREATE TRIGGER audit_begins AFTER INSERT ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_log)
BEGIN
    INSERT INTO audit_log (only_row, id) VALUES (1, 'log_' || lower(hex(randomblob(16))));
END;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

INSERT INTO state_counts (kind, state, count)
    SELECT 'request', state, count(*) FROM requests GROUP BY state
    UNION ALL
    SELECT 'grant', state, count(*) FROM grants GROUP BY state;

CREATE TRIGGER requests_are_counted AFTER INSERT ON requests
BEGIN
    INSERT INTO state_counts (kind, state, count) VALUES ('request', NEW.state, 1)
    ON CONFLICT (kind, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER requests_are_counted_anew AFTER UPDATE OF state ON requests WHEN OLD.state <> NEW.state
BEGIN
    UPDATE state_counts SET count = count - 1 WHERE kind = 'request' AND state = OLD.state;
    INSERT INTO state_counts (kind, state, count) VALUES ('request', NEW.state, 1)
    ON CONFLICT (kind, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER grants_are_counted AFTER INSERT ON grants
BEGIN
    INSERT INTO state_counts (kind, state, count) VALUES ('grant', NEW.state, 1)
    ON CONFLICT (kind, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER grants_are_counted_anew AFTER UPDATE OF state ON grants WHEN OLD.state <> NEW.state
BEGIN
    UPDATE state_counts SET count = count - 1 WHERE kind = 'grant' AND state = OLD.state;
    INSERT INTO state_counts (kind, state, count) VALUES ('grant', NEW.state, 1)
    ON CONFLICT (kind, state) DO UPDATE SET count = count + 1;
END;
