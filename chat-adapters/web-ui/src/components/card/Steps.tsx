import { useStrings } from "../../i18n/language";
import { duration } from "../../lib/time";
import type { Card, Step } from "../../types";
import { EvidenceChip } from "../EvidenceChip";
import { ChevronIcon, TickIcon } from "../Icons";
import { RichText } from "../RichText";
import { Spinner } from "../Spinner";

/** What is being done; once it is done, behind one line. */
export function Steps({ card }: { card: Card }) {
  const strings = useStrings();
  if (card.steps.length === 0) return null;
  const list = (
    <ol className="steps">
      {card.steps.map((step) => (
        <StepLine key={step.evidence} step={step} />
      ))}
    </ol>
  );
  if (!card.done) return list;
  return (
    <details className="work">
      <summary>
        <ChevronIcon /> {strings.steps(card.steps.length)} · {duration(card.elapsed_ms)}
      </summary>
      {list}
    </details>
  );
}

function StepLine({ step }: { step: Step }) {
  const strings = useStrings();
  return (
    <li className="step" data-done={step.done || undefined}>
      <span className="step-mark" title={step.done ? strings.stepDone : strings.stepUnderWay}>
        {step.done ? <TickIcon /> : <Spinner />}
      </span>
      <code>{step.tool}</code>
      <span className="step-text">
        <RichText text={step.text} />
      </span>
      {step.done && <EvidenceChip id={step.evidence} />}
    </li>
  );
}
