import { useEffect, useRef, useState } from "react";

import { useStrings } from "../i18n/language";
import * as api from "../lib/api";
import { clock } from "../lib/time";
import type { Evidence, EvidenceId, IncidentId } from "../types";
import { CopyButton } from "./CopyButton";
import { CloseIcon } from "./Icons";
import { Json } from "./Json";
import { RichText } from "./RichText";
import { Spinner } from "./Spinner";

interface Props {
  incident: IncidentId;
  id: EvidenceId;
  onClose(): void;
}

/** One tool call with everything it returned. */
export function EvidenceDrawer({ incident, id, onClose }: Props) {
  const strings = useStrings();
  const { evidence, fault } = useEvidenceOf(incident, id);
  const closer = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    const before = document.activeElement;
    closer.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && onClose();
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [onClose]);

  return (
    <aside className="drawer" role="dialog" aria-label={`${strings.evidenceOf} ${id}`}>
      <header className="drawer-head">
        <span className="chip" aria-hidden="true">
          {id}
        </span>
        <h2>{evidence === null ? strings.evidenceOf : <code>{evidence.tool}</code>}</h2>
        {evidence !== null && <time dateTime={evidence.at}>{clock(evidence.at, new Date(), strings.locale)}</time>}
        <button ref={closer} type="button" className="icon-button" aria-label={strings.close} title={strings.close} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      <div className="drawer-body" tabIndex={-1}>
        {fault !== null && (
          <p className="fault" role="alert">
            {fault.message === "" ? strings.noAnswer : <RichText text={fault.message} />}
          </p>
        )}
        {evidence === null && fault === null && <Spinner />}
        {evidence !== null && <Body evidence={evidence} />}
      </div>
    </aside>
  );
}

function Body({ evidence }: { evidence: Evidence }) {
  const strings = useStrings();
  const data = JSON.stringify(evidence.data, null, 2) ?? "null";
  return (
    <>
      {evidence.facts.length > 0 && (
        <section>
          <h3>{strings.facts}</h3>
          <ul className="facts">
            {evidence.facts.map((fact, at) => (
              <li key={at}>
                <RichText text={fact.text} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h3>{strings.arguments}</h3>
        <Json text={JSON.stringify(evidence.arguments, null, 2) ?? "null"} />
      </section>
      {evidence.text !== "" && (
        <section>
          <h3>
            {strings.answer}
            <CopyButton text={evidence.text} />
          </h3>
          <pre className="answer">{evidence.text}</pre>
        </section>
      )}
      <section>
        <h3>
          {strings.data}
          <CopyButton text={data} />
        </h3>
        <Json text={data} />
      </section>
    </>
  );
}

function useEvidenceOf(incident: IncidentId, id: EvidenceId) {
  const [evidence, setEvidence] = useState<Evidence | null>(null);
  const [fault, setFault] = useState<Error | null>(null);
  useEffect(() => {
    let isOver = false;
    setEvidence(null);
    setFault(null);
    api.evidence(incident, id).then(
      (evidence) => !isOver && setEvidence(evidence),
      (error: Error) => !isOver && setFault(error),
    );
    return () => {
      isOver = true;
    };
  }, [incident, id]);
  return { evidence, fault };
}
