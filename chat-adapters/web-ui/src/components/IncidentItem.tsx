import { useStrings } from "../i18n/language";
import { addressOf } from "../lib/route";
import { plain } from "../lib/text";
import { ago } from "../lib/time";
import type { IncidentRow } from "../types";

interface Props {
  row: IncidentRow;
  isOpen: boolean;
  now: Date;
  onChosen(): void;
}

export function IncidentItem({ row: { incident, verdict, summary }, isOpen, now, onChosen }: Props) {
  const strings = useStrings();
  const isAtWork = incident.state === "investigating" || incident.state === "open";
  const standing = isAtWork || verdict === null ? strings.state[incident.state] : strings.verdict[verdict];
  return (
    <a
      className="item"
      href={addressOf(incident.id)}
      aria-current={isOpen ? "page" : undefined}
      data-tone={isAtWork ? "work" : (verdict ?? "inconclusive")}
      data-resolved={incident.state === "resolved" || undefined}
      onClick={onChosen}
    >
      <span className="item-title">{plain(incident.title)}</span>
      {summary !== "" && <span className="item-summary">{plain(summary)}</span>}
      <span className="item-foot">
        <span className="dot" data-pulse={isAtWork || undefined} aria-hidden="true" />
        {standing}
        <time dateTime={incident.opened_at} title={new Date(incident.opened_at).toLocaleString(strings.locale)}>
          {ago(incident.opened_at, now, strings.locale)}
        </time>
      </span>
    </a>
  );
}
