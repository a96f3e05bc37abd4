-- Schema version 1. A row is a JSON body with the columns that guards and queries need. Instants are
-- RFC 3339 text in UTC with nine decimals, so that text order is time order.
--
-- SQLite runs this text; PostgreSQL runs its translation (`database/dialect.rs`). The text index of
-- the audit log differs between the engines (`sql/search.rs`).
-- Every legal step of a request, a grant and a sweep. The layout fills them from the state machines.
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

CREATE TABLE sweep_steps (
    prior TEXT NOT NULL,
    next  TEXT NOT NULL,
    PRIMARY KEY (prior, next)
) STRICT, WITHOUT ROWID;

-- Users of the identity store, and an account with a permission set (or a group): stored once; other
-- tables hold the number.
CREATE TABLE principals (
    number  INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE subjects (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
) STRICT;

-- The holder of the newest grant under an address.
CREATE TABLE last_holders (
    address TEXT PRIMARY KEY,
    holder  INTEGER NOT NULL REFERENCES principals (number)
) STRICT, WITHOUT ROWID;

-- The possible approvers of a request when it was made. Many requests share a list.
CREATE TABLE approver_lists (
    number   INTEGER PRIMARY KEY,
    user_ids TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE approver_list_members (
    principal INTEGER NOT NULL REFERENCES principals (number),
    list      INTEGER NOT NULL REFERENCES approver_lists (number),
    PRIMARY KEY (principal, list)
) STRICT, WITHOUT ROWID;

-- How many requests and grants are in each state.
CREATE TABLE state_counts (
    kind  TEXT NOT NULL CHECK (kind IN ('request', 'grant')),
    state TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;

-- Each listing index holds every column of its listing's filters, so that a listing reads only the
-- rows it returns.
CREATE TABLE requests (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    version     INTEGER NOT NULL CHECK (version >= 0),
    state       TEXT NOT NULL,
    requester   INTEGER NOT NULL,
    subject     INTEGER,
    approvers   INTEGER,
    -- of a pending request: only one may be pending for a key
    dedupe      TEXT,
    due         TEXT,
    open_review INTEGER NOT NULL CHECK (open_review IN (0, 1)),
    body        BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX requests_pending_once ON requests (dedupe) WHERE dedupe IS NOT NULL;
CREATE INDEX requests_open_reviews ON requests (id, state, requester, subject, approvers)
    WHERE open_review = 1;
CREATE INDEX requests_listed ON requests (id, state, requester, subject, approvers);
CREATE INDEX requests_by_state ON requests (state, id, requester, subject, approvers);
CREATE INDEX requests_by_requester ON requests (requester, id, state, subject, approvers);
CREATE INDEX requests_by_subject ON requests (subject, id, state, requester, approvers);
CREATE INDEX requests_by_approvers ON requests (approvers, id, state, requester, subject)
    WHERE approvers IS NOT NULL;
CREATE INDEX requests_due ON requests (due, id, requester) WHERE due IS NOT NULL;
CREATE INDEX requests_waiting ON requests (requester) WHERE dedupe IS NOT NULL;

CREATE TRIGGER requests_take_legal_steps
BEFORE UPDATE OF state ON requests
WHEN NOT EXISTS (SELECT 1 FROM request_steps WHERE prior = OLD.state AND next = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'a request has no such step');
END;

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

-- Users that gave one of several approvals.
CREATE TABLE request_reviewers (
    principal  INTEGER NOT NULL REFERENCES principals (number),
    request_id TEXT NOT NULL,
    PRIMARY KEY (principal, request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    number    INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    version   INTEGER NOT NULL CHECK (version >= 0),
    state     TEXT NOT NULL,
    holder    INTEGER NOT NULL,
    subject   INTEGER,
    -- NULL without an approver, or if only the approver's address is known
    approver  INTEGER,
    account   TEXT,
    -- whether AWS had the access
    granted   INTEGER NOT NULL CHECK (granted IN (0, 1)),
    -- of a live grant
    hold_key  TEXT,
    due       TEXT,
    ends_at   TEXT NOT NULL,
    live      INTEGER NOT NULL CHECK (live IN (0, 1)),
    -- when its end or failure was seen; NULL while live
    over_at   TEXT,
    stuck     INTEGER NOT NULL CHECK (stuck IN (0, 1)),
    seen_news INTEGER NOT NULL CHECK (seen_news >= 0),
    -- the news of its assignment, copied by triggers
    news      INTEGER NOT NULL CHECK (news >= 0),
    body      BLOB NOT NULL
) STRICT;

CREATE INDEX grants_live ON grants (ends_at, stuck) WHERE live = 1;
CREATE INDEX grants_live_by_key ON grants (hold_key, id) WHERE live = 1;
CREATE INDEX grants_live_listed ON grants (id, state, holder, subject, approver, account, granted)
    WHERE live = 1;
CREATE INDEX grants_live_by_holder ON grants (holder, id, state, subject, approver, account, granted)
    WHERE live = 1;
CREATE INDEX grants_live_by_account ON grants (account, id, state, holder, subject, approver, granted)
    WHERE live = 1;
CREATE INDEX grants_holding ON grants (ends_at)
    WHERE live = 1 AND state IN ('scheduled', 'granting', 'active');
CREATE INDEX grants_listed ON grants (id, state, holder, subject, approver, account, over_at);
CREATE INDEX grants_over ON grants (over_at, id) WHERE over_at IS NOT NULL;
CREATE INDEX grants_by_state ON grants (state, id, holder, subject, approver, account, granted);
CREATE INDEX grants_by_holder ON grants (holder, id, state, subject, approver, account, granted);
CREATE INDEX grants_by_account ON grants (account, id, state, holder, subject, approver, granted)
    WHERE account IS NOT NULL;
CREATE INDEX grants_by_subject ON grants (subject, id, state, holder, approver, account, granted);
CREATE INDEX grants_by_approver ON grants (approver, id, state, holder, subject, account, granted)
    WHERE approver IS NOT NULL;
CREATE INDEX grants_due ON grants (due, ends_at, id, holder, live) WHERE live = 1 AND due IS NOT NULL;
CREATE INDEX grants_with_news ON grants (ends_at, id, holder, news, seen_news, live)
    WHERE live = 1 AND news > seen_news;

CREATE TRIGGER grants_take_legal_steps
BEFORE UPDATE OF state ON grants
WHEN NOT EXISTS (SELECT 1 FROM grant_steps WHERE prior = OLD.state AND next = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'a grant has no such step');
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

-- One row per user and target. `operation` is the kind in flight. The columns after `body` order the
-- queue. The queue indexes hold every column that the search reads, including those of their own
-- condition: otherwise SQLite reads the row.
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
    at_once     INTEGER NOT NULL DEFAULT 0 CHECK (at_once IN (0, 1)),
    unwanted_from TEXT NOT NULL DEFAULT '',
    while_wanted  TEXT NOT NULL DEFAULT 'look'
        CHECK (while_wanted IN ('create', 'look', 'poll', 'watch', 'nothing')),
    once_unwanted TEXT NOT NULL DEFAULT 'look' CHECK (once_unwanted IN ('delete', 'look', 'rest')),
    -- whether AWS accepted the operation in flight
    accepted    INTEGER NOT NULL DEFAULT 0 CHECK (accepted IN (0, 1)),
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX assignments_one_operation_per_lane
    ON assignments (lane) WHERE operation IS NOT NULL;
CREATE INDEX assignments_outstanding ON assignments (kind) WHERE operation IS NOT NULL;
CREATE INDEX assignments_due ON assignments (due);
CREATE INDEX assignments_unwanted ON assignments (unwanted_from);
CREATE INDEX assignments_leased ON assignments (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX assignments_ends
    ON assignments (once_unwanted, kind, at_once, unwanted_from, hold_key, due, lane, lease_until);
CREATE INDEX assignments_lanes ON assignments (lane, once_unwanted, unwanted_from, due);
CREATE INDEX assignments_end_looks
    ON assignments (at_once, unwanted_from, hold_key, due, lease_until, accepted, once_unwanted)
    WHERE once_unwanted = 'look';
CREATE INDEX assignments_creates
    ON assignments (kind, asked_at, hold_key, unwanted_from, due, lane, lease_until, while_wanted)
    WHERE while_wanted = 'create';
CREATE INDEX assignments_grant_looks
    ON assignments (asked_at, hold_key, unwanted_from, due, lease_until, accepted, kind, while_wanted)
    WHERE while_wanted IN ('look', 'poll');
CREATE INDEX assignments_watched
    ON assignments (due, hold_key, unwanted_from, lease_until, while_wanted)
    WHERE while_wanted = 'watch';
CREATE INDEX assignments_resting
    ON assignments (due, hold_key, unwanted_from, lease_until, once_unwanted)
    WHERE once_unwanted = 'rest';

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

-- The audit log: canonical text, append-only.
CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY CHECK (seq > 0),
    id         BLOB NOT NULL UNIQUE,
    request_id BLOB,
    grant_id   BLOB,
    body       BLOB NOT NULL
) STRICT;

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

-- The random id of the log, in every published head, so that heads of different logs differ. The first
-- record makes it.
CREATE TABLE audit_log (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id       TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'a log keeps its id');
END;

CREATE TRIGGER audit_log_is_not_removed BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'a log keeps its id');
END;

-- The end of the chain; one row after the first record.
CREATE TABLE audit_head (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq      INTEGER NOT NULL REFERENCES audit (seq),
    hash     TEXT NOT NULL,
    time     TEXT NOT NULL
) STRICT;

-- Texts in records, each stored once, and the records that hold them. A search reads these instead of
-- the log.
CREATE TABLE audit_texts (
    number INTEGER PRIMARY KEY,
    text   TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE audit_mentions (
    text INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (text, seq)
) STRICT, WITHOUT ROWID;

-- Channels in use. `seen_at`: the last time a channel was opened.
CREATE TABLE channels (
    name    TEXT PRIMARY KEY,
    seen_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- `at`: when it happened. A notice is kept until every channel has delivered it.
CREATE TABLE notices (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    body   TEXT NOT NULL,
    at     TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX notices_by_age ON notices (at);

-- A notice for one channel; `due` '' is due at any time. Each channel delivers urgent notices first
-- (priority 0), then one per requester in turn. `requester` 0: no request.
CREATE TABLE deliveries (
    channel   TEXT NOT NULL REFERENCES channels (name),
    number    INTEGER NOT NULL REFERENCES notices (number) ON DELETE CASCADE,
    due       TEXT NOT NULL,
    attempts  INTEGER NOT NULL CHECK (attempts >= 0),
    priority  INTEGER NOT NULL DEFAULT 1,
    requester INTEGER NOT NULL DEFAULT 0,
    turn      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (channel, due);
CREATE INDEX deliveries_by_number ON deliveries (number);
CREATE INDEX deliveries_in_turn ON deliveries (channel, priority, turn, number, due, attempts);
CREATE INDEX deliveries_by_requester ON deliveries (channel, priority, requester, turn);

CREATE TRIGGER deliveries_take_their_notice_with_them
AFTER DELETE ON deliveries
WHEN NOT EXISTS (SELECT 1 FROM deliveries WHERE number = OLD.number)
BEGIN
    DELETE FROM notices WHERE number = OLD.number;
END;

-- The turn that each channel has reached.
CREATE TABLE delivery_turns (
    channel  TEXT NOT NULL REFERENCES channels (name),
    priority INTEGER NOT NULL,
    turn     INTEGER NOT NULL,
    PRIMARY KEY (channel, priority)
) STRICT, WITHOUT ROWID;

-- Stored answers of idempotency keys.
CREATE TABLE answers (
    actor TEXT NOT NULL,
    key   TEXT NOT NULL,
    until TEXT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_until ON answers (until);

CREATE TABLE tokens (
    id      TEXT PRIMARY KEY,
    hash    TEXT NOT NULL UNIQUE,
    body    TEXT NOT NULL,
    user_id TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_user ON tokens (user_id) WHERE user_id IS NOT NULL;

-- Browser sessions. `hash` is the hash of the secret.
CREATE TABLE sessions (
    hash    TEXT PRIMARY KEY,
    user    TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    body    TEXT NOT NULL,
    user_id TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_end ON sessions (ends_at);
CREATE INDEX sessions_by_user_id ON sessions (user_id) WHERE user_id IS NOT NULL;

-- The user of each identity at the identity provider.
CREATE TABLE sign_ins (
    issuer   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    bound_at TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sign_ins_by_user ON sign_ins (issuer, user_id);

CREATE TABLE locks (
    user_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 0),
    lifted  INTEGER NOT NULL CHECK (lifted IN (0, 1)),
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX locks_not_lifted ON locks (user_id) WHERE lifted = 0;

-- Access review campaigns. A line's search text has the folded names of its holder and target.
CREATE TABLE campaigns (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 0),
    state   TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE campaign_lines (
    campaign_id TEXT NOT NULL,
    number      INTEGER NOT NULL,
    version     INTEGER NOT NULL CHECK (version >= 0),
    reviewer    TEXT NOT NULL,
    answer      TEXT,
    used        TEXT NOT NULL,
    search      TEXT NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (campaign_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX campaign_lines_by_reviewer ON campaign_lines (campaign_id, reviewer, answer, number);

CREATE TABLE absences (
    user_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 0),
    ends_at TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- State that begins in one call and ends in another, perhaps at another node: sign-ins and logins.
CREATE TABLE handovers (
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    until TEXT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX handovers_oldest ON handovers (kind, until);

-- Requests and presses that were refused, per user and day.
CREATE TABLE refused_a_day (
    user_id TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('request', 'press')),
    day     TEXT NOT NULL,
    count   INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    key   TEXT PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

-- The leading node: at most one row. `epoch` grows with every change of the leader.
CREATE TABLE leader (
    key   TEXT PRIMARY KEY CHECK (key = 'leader'),
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    -- the process id, and the display name of the node
    node  TEXT NOT NULL,
    name  TEXT NOT NULL,
    -- milliseconds since 1970 by the database's clock; NULL if only one process can open it
    until INTEGER
) STRICT, WITHOUT ROWID;

-- Plans and their journals.
CREATE TABLE plans (
    id      TEXT PRIMARY KEY,
    -- larger than the number of every plan saved before
    number  INTEGER NOT NULL UNIQUE CHECK (number > 0),
    aborted INTEGER NOT NULL CHECK (aborted IN (0, 1)),
    body    TEXT NOT NULL,
    kind    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX plans_by_kind ON plans (kind, number);

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

CREATE TRIGGER plan_journal_is_not_removed BEFORE DELETE ON plan_journal
WHEN json_valid(OLD.body)
    OR EXISTS (SELECT 1 FROM plan_journal WHERE plan = OLD.plan AND number > OLD.number)
BEGIN
    SELECT RAISE(ABORT, 'a journal is append-only');
END;

-- Lanes that plans hold.
CREATE TABLE lanes (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Outage drills, also past ones.
CREATE TABLE drills (
    id      TEXT PRIMARY KEY,
    ends_at TEXT NOT NULL,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Entries of revocation policies, and when the last session each can match has ended.
CREATE TABLE revocations (
    policy  TEXT NOT NULL,
    entry   TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (policy, entry)
) STRICT, WITHOUT ROWID;

-- Events about waiting steps, by count: a new one ends the pause of the plan's run.
CREATE TABLE step_news (
    step TEXT PRIMARY KEY,
    told INTEGER NOT NULL CHECK (told > 0),
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sessions that outlive grants: denied until the last of them has ended.
CREATE TABLE session_cuts (
    grant_id TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    account  TEXT NOT NULL,
    -- the next check; NULL once it is over
    due      TEXT,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_cuts_open ON session_cuts (due) WHERE due IS NOT NULL;

-- Ends that AWS enforces by its own clock: one for each user, account and permission set.
CREATE TABLE armed_ends (
    hold_key TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    -- the next check; NULL once it is over
    due      TEXT,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX armed_ends_open ON armed_ends (due) WHERE due IS NOT NULL;

-- Sweeps with the access they found. One may be queued while another runs.
CREATE TABLE sweeps (
    id      TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 0),
    state   TEXT NOT NULL,
    -- whether it has listed AWS: the newest such row is the known standing access
    listed  INTEGER NOT NULL CHECK (listed IN (0, 1)),
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sweeps_one_at_a_time ON sweeps (state) WHERE state = 'running';
CREATE INDEX sweeps_listed ON sweeps (id) WHERE listed = 1;
CREATE UNIQUE INDEX sweeps_one_queued ON sweeps (state) WHERE state = 'queued';
CREATE INDEX sweeps_open ON sweeps (id)
    WHERE state IN ('queued', 'running', 'planned', 'stopped', 'working');

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
    -- whether the item is still to be handled
    open     INTEGER NOT NULL CHECK (open IN (0, 1)),
    -- whether the sweep acted on it: such an item is kept as long as the sweep
    acted_on INTEGER NOT NULL CHECK (acted_on IN (0, 1)),
    body     TEXT NOT NULL,
    PRIMARY KEY (sweep_id, hold_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX sweep_items_open ON sweep_items (sweep_id, hold_key) WHERE open = 1;

-- Access that is accepted as standing.
CREATE TABLE accepted_standing (
    hold_key TEXT PRIMARY KEY,
    version  INTEGER NOT NULL CHECK (version >= 0),
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Permission sets assigned to groups, as of the newest listing.
CREATE TABLE group_assignments (
    -- account, permission set, group
    key  TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The state of each alert rule between runs.
CREATE TABLE alert_states (
    rule    TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version > 0),
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Events from the queue.
CREATE TABLE events (
    key   TEXT PRIMARY KEY,
    at    INTEGER NOT NULL,
    -- 0 handled, 1 parked, 2 replayed
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
    body  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX events_by_state ON events (state, at);

-- Remediations of findings.
CREATE TABLE remediations (
    id         TEXT PRIMARY KEY,
    rule       TEXT NOT NULL,
    account    TEXT NOT NULL,
    resource   TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    -- start of the write at AWS: counts for the limit of the rule
    acts_at    INTEGER,
    -- the next step
    due_at     INTEGER,
    -- 1: waits for a decision of a user
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

-- The newest complete PCI run, and the state for the next.
CREATE TABLE pci_runs (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    version  INTEGER NOT NULL CHECK (version > 0),
    report   TEXT,
    evidence TEXT,
    state    TEXT,
    failed   TEXT
) STRICT;

-- Accounts whose Security Hub standards are to be checked, and the time of the last full check.
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

-- The standards file applied last, and the accounts changed per day.
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

-- Group memberships that follow user attributes: those in change or refused by AWS, and the newest run.
CREATE TABLE group_sync_items (
    hold_key TEXT PRIMARY KEY,
    version  INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE group_sync_runs (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL CHECK (version > 0),
    body    TEXT NOT NULL
) STRICT;
