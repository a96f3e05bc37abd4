-- What events told of steps that wait: how often, so that whoever runs the plan asks again before its pause is over.

CREATE TABLE step_news (
    step TEXT PRIMARY KEY,
    told INTEGER NOT NULL CHECK (told > 0),
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
