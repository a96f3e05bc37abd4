-- Each channel delivers urgent notices first (priority 0), and then one of each requester in turn. Nothing that is due is
-- delayed by how much one person has. `requester` 0: the notice is about no request.
ALTER TABLE deliveries ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;
ALTER TABLE deliveries ADD COLUMN requester INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;

CREATE INDEX deliveries_in_turn ON deliveries (channel, priority, turn, number, due, attempts);
CREATE INDEX deliveries_by_requester ON deliveries (channel, priority, requester, turn);

-- The turn that each channel has reached.
CREATE TABLE delivery_turns (
    channel  TEXT NOT NULL REFERENCES channels (name),
    priority INTEGER NOT NULL,
    turn     INTEGER NOT NULL,
    PRIMARY KEY (channel, priority)
) STRICT, WITHOUT ROWID;

-- What is due is taken in turns, too; the indexes hold all that the turns are made of.
DROP INDEX requests_due;
CREATE INDEX requests_due ON requests (due, id, requester) WHERE due IS NOT NULL;
DROP INDEX grants_due;
CREATE INDEX grants_due ON grants (due, ends_at, id, holder, live) WHERE live = 1 AND due IS NOT NULL;
DROP INDEX grants_with_news;
CREATE INDEX grants_with_news ON grants (ends_at, id, holder, news, seen_news, live)
    WHERE live = 1 AND news > seen_news;
