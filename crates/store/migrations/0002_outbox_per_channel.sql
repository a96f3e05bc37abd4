-- Each channel has its own deliveries. What waited before was on its way to the server's own log
-- only: it ends here.

-- Channels in use. `seen_at`: when it was last opened.
CREATE TABLE channels (
    name    TEXT PRIMARY KEY,
    seen_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

DELETE FROM notices;
DROP INDEX notices_due;
ALTER TABLE notices DROP COLUMN due;
ALTER TABLE notices DROP COLUMN attempts;
-- when it happened; the default serves the change of the table only
ALTER TABLE notices ADD COLUMN at TEXT NOT NULL DEFAULT '';

CREATE INDEX notices_by_age ON notices (at);

-- A notice on its way to one channel; '' is due at once, whatever the clock says.
CREATE TABLE deliveries (
    channel  TEXT NOT NULL REFERENCES channels (name),
    number   INTEGER NOT NULL REFERENCES notices (number) ON DELETE CASCADE,
    due      TEXT NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    PRIMARY KEY (channel, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_due ON deliveries (channel, due);
CREATE INDEX deliveries_by_number ON deliveries (number);

-- A notice is kept for as long as a channel has still to tell it.
CREATE TRIGGER deliveries_take_their_notice_with_them
AFTER DELETE ON deliveries
WHEN NOT EXISTS (SELECT 1 FROM deliveries WHERE number = OLD.number)
BEGIN
    DELETE FROM notices WHERE number = OLD.number;
END;
