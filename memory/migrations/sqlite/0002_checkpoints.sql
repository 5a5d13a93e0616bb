-- Where a run stands; gone when its investigation is kept.
CREATE TABLE checkpoints (
    incident TEXT PRIMARY KEY NOT NULL REFERENCES incidents (id),
    body     TEXT NOT NULL
) STRICT;

-- One statement keeps the investigation and lets go of the checkpoint: no transaction stays open when it fails.
CREATE TRIGGER an_investigation_ends_its_run AFTER INSERT ON investigations
BEGIN
    DELETE FROM checkpoints WHERE incident = NEW.incident;
END;
