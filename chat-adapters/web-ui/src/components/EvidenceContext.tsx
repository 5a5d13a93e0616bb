import { createContext, useContext, useMemo, type ReactNode } from "react";

import type { EvidenceId } from "../types";

interface Shown {
  shown: EvidenceId | null;
  show(id: EvidenceId | null): void;
}

const Context = createContext<Shown>({ shown: null, show: () => undefined });

/** Which evidence is in the drawer, and how to put some there. */
export const useEvidence = (): Shown => useContext(Context);

export function EvidenceProvider({ shown, show, children }: Shown & { children: ReactNode }) {
  const value = useMemo(() => ({ shown, show }), [shown, show]);
  return <Context value={value}>{children}</Context>;
}
