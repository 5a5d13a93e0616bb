import { useStrings } from "../../i18n/language";
import type { Verdict } from "../../types";

interface Props {
  verdict: Verdict;
  /** 0 to 1. */
  confidence: number;
}

export function VerdictBadge({ verdict, confidence }: Props) {
  const strings = useStrings();
  const percent = Math.round(Math.min(1, Math.max(0, confidence)) * 100);
  return (
    <>
      <span className="badge" title={strings.verdictMeaning[verdict]}>
        {strings.verdict[verdict]}
      </span>
      <span className="confidence" title={strings.confidence(percent)}>
        <meter aria-label={strings.confidence(percent)} min={0} max={100} value={percent} />
        {percent}%
      </span>
    </>
  );
}
