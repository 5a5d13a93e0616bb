import { useStrings } from "../../i18n/language";
import type { Card } from "../../types";
import { RichText } from "../RichText";
import { Spinner } from "../Spinner";
import { Elapsed } from "./Elapsed";
import { VerdictBadge } from "./VerdictBadge";

export function CardHead({ card }: { card: Card }) {
  const strings = useStrings();
  return (
    <header className="card-head">
      <h2>
        <RichText text={card.title} />
      </h2>
      <p className="card-standing">
        {card.verdict === null ? (
          <span className="badge">
            {!card.done && <Spinner />}
            {card.done ? strings.state.found : strings.investigating}
          </span>
        ) : (
          <VerdictBadge verdict={card.verdict} confidence={card.confidence} />
        )}
        <Elapsed ms={card.elapsed_ms} isRunning={!card.done} />
      </p>
    </header>
  );
}
