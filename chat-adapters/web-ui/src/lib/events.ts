import type { ChatLine, IncidentId, IncidentRow } from "../types";
import { eventsAddress } from "./api";

export type Connection = "connecting" | "live" | "reconnecting";

export interface Watching {
  onLine(line: ChatLine): void;
  onIncident(row: IncidentRow): void;
  /** Changes were missed: everything is to be read anew, and watched anew after that. */
  onReload(): void;
  onConnection(connection: Connection): void;
}

/** Browsers give up after an answer other than 200; this tries again, more and more slowly. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;
/** A page that nobody sees gives its connection back: a browser has six for one server. */
const HIDDEN_FOR_MS = 30_000;

/** Watches an incident (or the list alone) after a change, until the returned function is called. */
export function watch(incident: IncidentId | null, after: number | null, watching: Watching): () => void {
  let seen = after;
  let source: EventSource | null = null;
  let retryMs = FIRST_RETRY_MS;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined;

  const open = () => {
    clearTimeout(retryTimer);
    source?.close();
    source = new EventSource(eventsAddress(incident, seen));
    source.onopen = () => {
      retryMs = FIRST_RETRY_MS;
      watching.onConnection("live");
    };
    source.onerror = () => {
      watching.onConnection("reconnecting");
      if (source?.readyState !== EventSource.CLOSED) return;
      retryTimer = setTimeout(open, retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    };
    on("line", (data) => watching.onLine(data as ChatLine));
    on("incident", (data) => watching.onIncident(data as IncidentRow));
    on("reload", () => watching.onReload());
  };

  const on = (name: string, told: (data: unknown) => void) => {
    source?.addEventListener(name, (event: MessageEvent<string>) => {
      const sequence = Number(event.lastEventId);
      if (sequence > 0) seen = sequence;
      told(JSON.parse(event.data));
    });
  };

  const onVisibility = () => {
    clearTimeout(hiddenTimer);
    if (document.visibilityState === "hidden") {
      hiddenTimer = setTimeout(() => {
        clearTimeout(retryTimer);
        source?.close();
        source = null;
      }, HIDDEN_FOR_MS);
    } else if (source === null) {
      watching.onConnection("reconnecting");
      open();
    }
  };

  watching.onConnection("connecting");
  open();
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    clearTimeout(retryTimer);
    clearTimeout(hiddenTimer);
    document.removeEventListener("visibilitychange", onVisibility);
    source?.close();
    source = null;
  };
}
