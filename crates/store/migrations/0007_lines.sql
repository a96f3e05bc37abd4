-- Rows stand in line for their operations: what a person took away, ends by deadline, grants as they
-- were asked for. What a row waits for is stored beside it, so that taking the first costs the same
-- however long the line is.

ALTER TABLE assignments ADD COLUMN at_once INTEGER NOT NULL DEFAULT 0 CHECK (at_once IN (0, 1));
ALTER TABLE assignments ADD COLUMN unwanted_from TEXT NOT NULL DEFAULT '';
ALTER TABLE assignments ADD COLUMN while_wanted TEXT NOT NULL DEFAULT 'look'
    CHECK (while_wanted IN ('create', 'look', 'poll', 'watch', 'nothing'));
ALTER TABLE assignments ADD COLUMN once_unwanted TEXT NOT NULL DEFAULT 'look'
    CHECK (once_unwanted IN ('delete', 'look', 'rest'));
-- whether AWS accepted the operation in flight
ALTER TABLE assignments ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0 CHECK (accepted IN (0, 1));

-- rows of before are handed out when they are due, and find their line then
UPDATE assignments SET unwanted_from = until;
UPDATE assignments SET while_wanted = 'watch' WHERE verdict = 'present';

DROP INDEX assignments_due;
CREATE INDEX assignments_due ON assignments (due);
CREATE INDEX assignments_unwanted ON assignments (unwanted_from);
CREATE INDEX assignments_leased ON assignments (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX assignments_ends
    ON assignments (once_unwanted, kind, at_once, unwanted_from, hold_key, due, lane, lease_until);
CREATE INDEX assignments_end_looks
    ON assignments (at_once, unwanted_from, hold_key) WHERE once_unwanted = 'look';
CREATE INDEX assignments_creates
    ON assignments (kind, asked_at, hold_key) WHERE while_wanted = 'create';
CREATE INDEX assignments_grant_looks
    ON assignments (asked_at, hold_key) WHERE while_wanted IN ('look', 'poll');
CREATE INDEX assignments_watched ON assignments (due, hold_key) WHERE while_wanted = 'watch';
CREATE INDEX assignments_resting ON assignments (due, hold_key) WHERE once_unwanted = 'rest';
CREATE INDEX assignments_lanes ON assignments (lane, once_unwanted, unwanted_from, due);
