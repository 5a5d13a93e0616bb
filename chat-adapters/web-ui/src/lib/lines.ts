import type { ChatLine, IncidentRow } from "../types";

/** A new line comes last; one that is there already is replaced in its place. */
export function withLine(lines: readonly ChatLine[], line: ChatLine): ChatLine[] {
  const place = lines.findIndex((old) => old.id === line.id);
  return place < 0 ? [...lines, line] : lines.map((old, at) => (at === place ? line : old));
}

/** Rows are newest first, by the time they were opened. */
export function withRow(rows: readonly IncidentRow[], row: IncidentRow): IncidentRow[] {
  const others = rows.filter((old) => old.incident.id !== row.incident.id);
  const opened = Date.parse(row.incident.opened_at);
  const place = others.findIndex((old) => Date.parse(old.incident.opened_at) <= opened);
  const at = place < 0 ? others.length : place;
  return [...others.slice(0, at), row, ...others.slice(at)];
}
