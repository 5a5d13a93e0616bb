import { useStrings } from "../i18n/language";
import { useNow } from "../lib/now";
import type { IncidentId, IncidentRow } from "../types";
import { IncidentItem } from "./IncidentItem";

interface Props {
  rows: IncidentRow[] | null;
  open: IncidentId | null;
  onChosen(): void;
}

export function IncidentList({ rows, open, onChosen }: Props) {
  const strings = useStrings();
  const now = useNow(30_000);
  return (
    <nav className="list" aria-label={strings.incidents}>
      <h2 className="list-heading">
        {strings.incidents}
        {rows !== null && rows.length > 0 && <span className="count">{rows.length}</span>}
      </h2>
      {rows?.length === 0 && <p className="list-empty">{strings.noIncidents}</p>}
      <ul>
        {rows?.map((row) => (
          <li key={row.incident.id}>
            <IncidentItem row={row} isOpen={row.incident.id === open} now={now} onChosen={onChosen} />
          </li>
        ))}
      </ul>
    </nav>
  );
}
