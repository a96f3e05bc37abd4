-- Where thousands stand in line, most of what an index finds is not due, not wanted any more or leased: what decides that
-- stands in the index, so that no row is read but the one that is taken. The condition of a partial index is among its
-- columns, for else the row is read to see what the index itself says.

DROP INDEX assignments_end_looks;
DROP INDEX assignments_creates;
DROP INDEX assignments_grant_looks;
DROP INDEX assignments_watched;
DROP INDEX assignments_resting;

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
