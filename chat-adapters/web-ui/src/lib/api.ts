import type { Detail, Evidence, EvidenceId, IncidentId, IncidentRow, MessageId } from "../types";

/** How long an answer may take before the page says that it did not come. */
const TIMEOUT_MS = 15_000;

/** What the server could not do, in its words. */
export class Fault extends Error {
  constructor(
    message: string,
    /** The HTTP status; 0 when no answer came. */
    readonly status: number,
    readonly hint: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
  }
}

export const incidents = (): Promise<IncidentRow[]> => read("api/incidents");

export const incident = (id: IncidentId): Promise<Detail> => read(`api/incidents/${encodeURIComponent(id)}`);

export const evidence = (id: IncidentId, evidence: EvidenceId): Promise<Evidence> =>
  read(`api/incidents/${encodeURIComponent(id)}/evidence/${encodeURIComponent(evidence)}`);

export const ask = (id: IncidentId, text: string): Promise<{ id: MessageId }> =>
  send(`api/incidents/${encodeURIComponent(id)}/messages`, { text });

export const rate = (id: IncidentId, helpful: boolean, correction: string): Promise<null> =>
  send(`api/incidents/${encodeURIComponent(id)}/rating`, { helpful, correction });

/** The address of the events after a change; of all incidents when none is open. */
export const eventsAddress = (id: IncidentId | null, after: number | null): string => {
  const path = id === null ? "api/events" : `api/incidents/${encodeURIComponent(id)}/events`;
  return after === null ? path : `${path}?after=${after}`;
};

const read = <T>(path: string): Promise<T> => request(path, { headers: { accept: "application/json" } });

const send = <T>(path: string, body: unknown): Promise<T> =>
  request(path, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body),
  });

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    const response = await fetch(path, { ...init, credentials: "same-origin", signal: abort.signal });
    if (!response.ok) throw await fault(response);
    return response.status === 204 ? (null as T) : ((await response.json()) as T);
  } catch (error) {
    throw error instanceof Fault ? error : new Fault("", 0);
  } finally {
    clearTimeout(timer);
  }
}

/** A proxy in between may answer in its own form: then the status is all there is to say. */
async function fault(response: Response): Promise<Fault> {
  const retryAfter = Number(response.headers.get("retry-after"));
  const said = (await response.json().catch(() => ({}))) as { error?: unknown; hint?: unknown };
  return new Fault(
    typeof said.error === "string" ? said.error : `HTTP ${response.status}`,
    response.status,
    typeof said.hint === "string" ? said.hint : null,
    retryAfter > 0 ? retryAfter : null,
  );
}
