-- One person is one user id: whose tokens and sessions are, which sign-in is whose, and who is locked.

ALTER TABLE tokens ADD COLUMN user_id TEXT;
CREATE INDEX tokens_by_user ON tokens (user_id) WHERE user_id IS NOT NULL;

ALTER TABLE sessions ADD COLUMN user_id TEXT;
DROP INDEX sessions_by_user;
CREATE INDEX sessions_by_user_id ON sessions (user_id) WHERE user_id IS NOT NULL;

-- What holds only an address may be somebody else's by now. Tokens stay in the list, and are void.
DELETE FROM sessions;

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
