-- `body` holds a struct of the domain as JSON; only what is asked for has a column of its own.
-- Times are nanoseconds since the Unix epoch.

CREATE TABLE incidents (
    id        TEXT PRIMARY KEY NOT NULL,
    opened_at INTEGER NOT NULL,
    body      TEXT NOT NULL
) STRICT;

CREATE INDEX incidents_by_time ON incidents (opened_at, id);

-- `first_at` and `place` are from the first saying; an edit keeps both.
CREATE TABLE lines (
    place    INTEGER PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents (id),
    id       TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    body     TEXT NOT NULL,
    UNIQUE (incident, id)
) STRICT;

CREATE INDEX lines_by_time ON lines (incident, first_at, place);

CREATE TABLE evidence (
    incident TEXT NOT NULL REFERENCES incidents (id),
    id       INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (incident, id)
) STRICT;

CREATE TRIGGER evidence_never_changes BEFORE UPDATE ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence never changes');
END;

CREATE TABLE investigations (
    place      INTEGER PRIMARY KEY,
    incident   TEXT NOT NULL REFERENCES incidents (id),
    started_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;

CREATE INDEX investigations_by_time ON investigations (incident, started_at, place);

CREATE TABLE ratings (
    place    INTEGER PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents (id),
    at       INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

CREATE INDEX ratings_by_time ON ratings (incident, at, place);

-- `body` is the exact text that was hashed.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    body     TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log never changes');
END;

CREATE TRIGGER audit_never_shrinks BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log never shrinks');
END;

-- How long the chain is and what it ends in, so that a missing end is seen.
CREATE TABLE audit_head (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    sequence INTEGER NOT NULL,
    hash     TEXT NOT NULL
) STRICT;

INSERT INTO audit_head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- One statement adds the link and moves the head: no transaction stays open when it fails.
CREATE TRIGGER audit_head_follows AFTER INSERT ON audit
BEGIN
    UPDATE audit_head SET sequence = NEW.sequence, hash = NEW.hash;
END;
