import { useEffect, useState } from "react";

import type { IncidentId } from "../types";

/** The address of an incident within the page: after `#`, so that a link survives a detour over a sign-in. */
export const addressOf = (id: IncidentId): string => `#/${encodeURIComponent(id)}`;

/** The incident that the address names, kept up as the address changes. */
export function useIncidentInAddress(): IncidentId | null {
  const [id, setId] = useState(incidentInAddress);
  useEffect(() => {
    const onChange = () => setId(incidentInAddress());
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
  }, []);
  return id;
}

function incidentInAddress(): IncidentId | null {
  const text = window.location.hash.replace(/^#\/?/, "");
  try {
    return text === "" ? null : decodeURIComponent(text);
  } catch {
    return text;
  }
}
