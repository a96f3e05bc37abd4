-- Who works on this database: at most one row. `epoch` grows with every change of hands and never falls.
CREATE TABLE leader (
    key   TEXT PRIMARY KEY CHECK (key = 'leader'),
    epoch INTEGER NOT NULL CHECK (epoch > 0),
    -- an id of the process, and what people call the node
    node  TEXT NOT NULL,
    name  TEXT NOT NULL,
    -- milliseconds since 1970 by the database's own clock; none where no other process can come
    until INTEGER
) STRICT, WITHOUT ROWID;

-- What begins in one call and ends in another, minutes later and perhaps at another node: sign-ins and logins under way.
CREATE TABLE handovers (
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    until TEXT NOT NULL,
    body  TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX handovers_oldest ON handovers (kind, until);
