-- What is kept of an incident to be held against later ones.
CREATE TABLE cases (
    incident  TEXT PRIMARY KEY NOT NULL REFERENCES incidents (id),
    closed_at INTEGER NOT NULL,
    body      TEXT NOT NULL
) STRICT;

CREATE INDEX cases_by_time ON cases (closed_at, incident);

-- Apart from the case, so that a case that is made anew stays out of use.
CREATE TABLE case_retirements (
    incident TEXT PRIMARY KEY NOT NULL REFERENCES cases (incident),
    body     TEXT NOT NULL
) STRICT;

-- `by_incident` is not held against the incidents: what it said stands without it.
CREATE TABLE case_checks (
    incident    TEXT NOT NULL REFERENCES cases (incident),
    by_incident TEXT NOT NULL,
    at          INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (incident, by_incident)
) STRICT;
