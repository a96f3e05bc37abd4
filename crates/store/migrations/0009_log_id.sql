-- The random id of this log. It stands in every published head, so that a head of one log is never
-- taken for one of another; a copy of the file has it too. A log that was begun before has its id from
-- here, others with their first record, in the same transaction.
CREATE TABLE audit_log (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id       TEXT NOT NULL
) STRICT;

INSERT INTO audit_log (only_row, id)
SELECT 1, 'log_' || lower(hex(randomblob(16))) WHERE EXISTS (SELECT 1 FROM audit);

CREATE TRIGGER audit_begins AFTER INSERT ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_log)
BEGIN
    INSERT INTO audit_log (only_row, id) VALUES (1, 'log_' || lower(hex(randomblob(16))));
END;

CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'a log keeps its id');
END;

CREATE TRIGGER audit_log_is_not_removed BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'a log keeps its id');
END;
