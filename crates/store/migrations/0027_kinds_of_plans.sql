-- Plans of one kind are found in an index: every event of Control Tower's asks for them twice, and each read all of them.
-- Of a plan without a kind nobody knows which it has.

ALTER TABLE plans ADD COLUMN kind TEXT;
-- Here the rows are copied.
CREATE INDEX plans_by_kind ON plans (kind, number);
