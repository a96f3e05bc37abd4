-- Break-glass reviews that nobody has closed yet, to be listed without reading every request.
ALTER TABLE requests ADD COLUMN open_review INTEGER NOT NULL DEFAULT 0
    CHECK (open_review IN (0, 1));

CREATE INDEX requests_open_reviews ON requests (id) WHERE open_review = 1;
