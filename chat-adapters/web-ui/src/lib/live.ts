import { useCallback, useEffect, useState } from "react";

import type { Detail, IncidentId, IncidentRow } from "../types";
import * as api from "./api";
import { type Connection, watch } from "./events";
import { withLine, withRow } from "./lines";

/** How long to wait before asking again a server that did not answer. */
const RETRY_MS = 4_000;

/** What the server knows, kept up as it changes. */
export interface Live {
  /** Newest first; `null` until they came. */
  rows: IncidentRow[] | null;
  /** The open incident; `null` until it came, and when none is open. */
  detail: Detail | null;
  /** Why nothing came; what came before stays. */
  fault: api.Fault | null;
  connection: Connection;
  reload(): void;
}

/** Reads the list and the open incident, then follows their changes. */
export function useLive(id: IncidentId | null): Live {
  const [rows, setRows] = useState<IncidentRow[] | null>(null);
  const [detail, setDetail] = useState<Detail | null>(null);
  const [fault, setFault] = useState<api.Fault | null>(null);
  const [connection, setConnection] = useState<Connection>("connecting");
  const [reading, setReading] = useState(0);
  const reload = useCallback(() => setReading((reading) => reading + 1), []);

  useEffect(() => {
    let isOver = false;
    let stop = () => {};
    let retryTimer: ReturnType<typeof setTimeout> | undefined;

    const unlessOver = <T>(act: (value: T) => void) => (value: T) => {
      if (!isOver) act(value);
    };

    const readFinding = (id: IncidentId) =>
      api.incident(id).then(
        unlessOver(({ finding }: Detail) => setDetail((detail) => detail && { ...detail, finding })),
        // The card has it all in words; the numbers in the header come with the next change.
        () => undefined,
      );

    const follow = (incident: IncidentId | null, after: number | null) => {
      if (isOver) return;
      stop = watch(incident, after, {
        onLine: (line) => setDetail((detail) => detail && { ...detail, lines: withLine(detail.lines, line) }),
        onIncident: (row) => {
          setRows((rows) => withRow(rows ?? [], row));
          if (row.incident.id !== id) return;
          setDetail((detail) => detail && { ...detail, incident: row.incident });
          if (row.verdict !== null) void readFinding(id);
        },
        onReload: reload,
        onConnection: unlessOver(setConnection),
      });
    };

    const fail = unlessOver((error: unknown) => {
      const fault = error instanceof api.Fault ? error : new api.Fault(String(error), 0);
      setFault(fault);
      const mayPass = fault.status === 0 || fault.status === 429 || fault.status >= 500;
      if (mayPass) {
        setConnection("reconnecting");
        clearTimeout(retryTimer);
        retryTimer = setTimeout(reload, RETRY_MS);
      } else if (fault.status !== 401) {
        // There is no such incident, but there is a list.
        follow(null, null);
      }
    });

    setDetail((detail) => (detail?.incident.id === id ? detail : null));
    if (id === null) {
      setFault(null);
      follow(null, null);
    } else {
      api.incident(id).then(
        unlessOver((detail) => {
          setFault(null);
          setDetail(detail);
          follow(id, detail.sequence);
        }),
        fail,
      );
    }
    api.incidents().then(unlessOver(setRows), id === null ? fail : () => undefined);
    return () => {
      isOver = true;
      clearTimeout(retryTimer);
      stop();
    };
  }, [id, reading, reload]);

  return { rows, detail, fault, connection, reload };
}
