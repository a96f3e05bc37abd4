-- What one person makes the store keep is counted when it is kept: requests that wait by an index of their own, refused
-- requests and presses of a day by a row of each person.

CREATE TABLE refused_a_day (
    user_id TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('request', 'press')),
    day     TEXT NOT NULL,
    count   INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_waiting ON requests (requester) WHERE dedupe IS NOT NULL;
