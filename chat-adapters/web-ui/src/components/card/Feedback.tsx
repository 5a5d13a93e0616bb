import { type FormEvent, useState } from "react";

import { useStrings } from "../../i18n/language";
import * as api from "../../lib/api";
import type { IncidentId, Rating } from "../../types";
import { ThumbDownIcon, ThumbUpIcon } from "../Icons";

interface Props {
  incident: IncidentId;
  rating: Rating | null;
}

/** Whether the finding helped, and if not, what it really was. */
export function Feedback({ incident, rating }: Props) {
  const strings = useStrings();
  const [helpful, setHelpful] = useState<boolean | null>(rating?.helpful ?? null);
  const [correction, setCorrection] = useState(rating?.correction ?? "");
  const [step, setStep] = useState<"choose" | "explain" | "thanks" | "failed">("choose");

  const save = async (helpful: boolean, correction: string, next: "explain" | "thanks") => {
    try {
      await api.rate(incident, helpful, correction);
      setHelpful(helpful);
      setStep(next);
    } catch {
      setStep("failed");
    }
  };

  const explain = (event: FormEvent) => {
    event.preventDefault();
    void save(false, correction, "thanks");
  };

  return (
    <div className="feedback">
      <span className="feedback-ask" role="status">
        {step === "thanks" ? strings.thanks : step === "failed" ? strings.notSent : strings.didItHelp}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-pressed={helpful === true}
        aria-label={strings.helpful}
        title={strings.helpful}
        onClick={() => void save(true, "", "thanks")}
      >
        <ThumbUpIcon />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-pressed={helpful === false}
        aria-label={strings.notHelpful}
        title={strings.notHelpful}
        onClick={() => void save(false, correction, "explain")}
      >
        <ThumbDownIcon />
      </button>
      {step === "explain" && (
        <form className="correction" onSubmit={explain}>
          <input
            autoFocus
            type="text"
            maxLength={4_000}
            value={correction}
            placeholder={strings.whatWasIt}
            aria-label={strings.whatWasIt}
            onChange={(event) => setCorrection(event.target.value)}
          />
          <button type="submit" className="button">
            {strings.send}
          </button>
        </form>
      )}
    </div>
  );
}
