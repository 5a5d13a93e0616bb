import { useCallback, useEffect, useState } from "react";

import { Conversation } from "./components/Conversation";
import { EvidenceDrawer } from "./components/EvidenceDrawer";
import { EvidenceProvider } from "./components/EvidenceContext";
import { FaultNote } from "./components/FaultNote";
import { IncidentList } from "./components/IncidentList";
import { Notice } from "./components/Notice";
import { TopBar } from "./components/TopBar";
import { useStrings } from "./i18n/language";
import { useLive } from "./lib/live";
import { useMedia } from "./lib/media";
import { addressOf, useIncidentInAddress } from "./lib/route";
import type { EvidenceId } from "./types";

/** The whole page: incidents at the side, one conversation, its evidence in a drawer. */
export function App() {
  const strings = useStrings();
  const id = useIncidentInAddress();
  const live = useLive(id);
  const isNarrow = useMedia("(max-width: 820px)");
  const [listIsOpen, setListIsOpen] = useState(!isNarrow);
  const [shown, setShown] = useState<EvidenceId | null>(null);

  useEffect(() => setListIsOpen(!isNarrow), [isNarrow]);
  useEffect(() => {
    setShown(null);
    if (isNarrow) setListIsOpen(false);
  }, [id, isNarrow]);

  useEffect(() => {
    if (!isNarrow || !listIsOpen) return;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && setListIsOpen(false);
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [isNarrow, listIsOpen]);

  const newest = live.rows?.[0]?.incident.id;
  useEffect(() => {
    if (id === null && newest !== undefined) window.location.replace(addressOf(newest));
  }, [id, newest]);

  const title = live.detail?.incident.title;
  useEffect(() => {
    document.title = title === undefined ? "Waggle" : `${title} · Waggle`;
  }, [title]);

  const close = useCallback(() => setShown(null), []);
  const isBehind = isNarrow && (shown !== null || listIsOpen);

  return (
    <div className="app" data-list={listIsOpen ? "open" : "closed"} data-drawer={shown === null ? "closed" : "open"}>
      <TopBar
        connection={live.connection}
        listIsOpen={listIsOpen}
        onToggleList={() => setListIsOpen((isOpen) => !isOpen)}
      />
      {isNarrow && listIsOpen && <div className="backdrop below-topbar" onClick={() => setListIsOpen(false)} />}
      {listIsOpen && <IncidentList rows={live.rows} open={id} onChosen={() => isNarrow && setListIsOpen(false)} />}
      <main className="main" inert={isBehind}>
        <EvidenceProvider shown={shown} show={setShown}>
          {live.fault !== null && live.detail === null ? (
            <FaultNote fault={live.fault} onRetry={live.reload} />
          ) : live.detail !== null ? (
            <Conversation key={live.detail.incident.id} detail={live.detail} />
          ) : id === null && live.rows !== null ? (
            <Notice
              title={live.rows.length === 0 ? strings.noIncidents : strings.chooseIncident}
              text={live.rows.length === 0 ? strings.noIncidentsHint : strings.chooseIncidentHint}
            />
          ) : (
            <Notice text={strings.loading} />
          )}
        </EvidenceProvider>
      </main>
      {shown !== null && id !== null && (
        <>
          {isNarrow && <div className="backdrop" onClick={close} />}
          <EvidenceDrawer incident={id} id={shown} onClose={close} />
        </>
      )}
    </div>
  );
}
