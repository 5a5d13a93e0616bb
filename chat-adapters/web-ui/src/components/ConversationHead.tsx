import { useStrings } from "../i18n/language";
import { clock, duration } from "../lib/time";
import type { Finding, Incident } from "../types";
import { RichText } from "./RichText";

interface Props {
  incident: Incident;
  finding: Finding | null;
}

/** What the conversation is about. */
export function ConversationHead({ incident, finding }: Props) {
  const strings = useStrings();
  const now = new Date();
  const length = Date.parse(incident.window.to) - Date.parse(incident.window.from);
  const failed = finding?.impact.requests_failed ?? 0;
  return (
    <header className="head">
      <h1>
        <RichText text={incident.title} />
      </h1>
      <p className="head-facts">
        <span data-state={incident.state}>{strings.state[incident.state]}</span>
        <span>{strings.source[incident.source]}</span>
        <time dateTime={incident.opened_at}>{clock(incident.opened_at, now, strings.locale)}</time>
        <span title={`${incident.window.from} – ${incident.window.to}`}>
          {strings.window} {duration(length)}
        </span>
        {failed > 0 && <span>{strings.requestsFailed(failed)}</span>}
        <code>{incident.id}</code>
      </p>
    </header>
  );
}
