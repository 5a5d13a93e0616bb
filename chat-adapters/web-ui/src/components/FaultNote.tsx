import { useStrings } from "../i18n/language";
import type { Fault } from "../lib/api";
import { Notice } from "./Notice";

interface Props {
  fault: Fault;
  onRetry(): void;
}

/** Why there is nothing to show, and what to do about it. */
export function FaultNote({ fault, onRetry }: Props) {
  const strings = useStrings();
  const isSignIn = fault.status === 401;
  const isSilent = fault.status === 0;
  const title = isSignIn ? strings.notSignedIn : isSilent ? strings.noAnswer : fault.message;
  const hint = fault.hint ?? (isSignIn ? strings.notSignedInHint : isSilent ? strings.noAnswerHint : "");
  return (
    <Notice title={title} text={hint}>
      <button type="button" className="button" onClick={onRetry}>
        {strings.tryAgain}
      </button>
    </Notice>
  );
}
