import { useStrings } from "../i18n/language";
import type { EvidenceId } from "../types";
import { useEvidence } from "./EvidenceContext";

/** Opens the drawer with a piece of evidence; pressed again, closes it. */
export function EvidenceChip({ id }: { id: EvidenceId }) {
  const strings = useStrings();
  const { shown, show } = useEvidence();
  const isShown = shown === id;
  return (
    <button
      type="button"
      className="chip"
      aria-pressed={isShown}
      aria-label={strings.evidence(id)}
      title={strings.evidence(id)}
      onClick={() => show(isShown ? null : id)}
    >
      {id}
    </button>
  );
}
