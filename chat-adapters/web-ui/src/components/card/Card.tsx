import { useStrings } from "../../i18n/language";
import { en, zh } from "../../i18n/strings";
import type { Card as CardData, IncidentId, Rating } from "../../types";
import { CardHead } from "./CardHead";
import { Feedback } from "./Feedback";
import { FollowUps } from "./FollowUps";
import { Hunk } from "./Hunk";
import { Mention } from "./Mention";
import { Row } from "./Row";
import { SectionLines } from "./SectionLines";
import { Steps } from "./Steps";

interface Props {
  card: CardData;
  incident: IncidentId;
  rating: Rating | null;
  isLast: boolean;
  onAsk(text: string): Promise<boolean>;
}

/** A finding, or the work towards one. */
export function Card({ card, incident, rating, isLast, onAsk }: Props) {
  const strings = useStrings();
  const symptom = card.sections.filter((section) => section.kind === "symptom");
  const others = card.sections.filter((section) => section.kind !== "symptom");
  const hasCause = others.some((section) => section.kind === "cause");
  return (
    <article
      className="card"
      data-tone={card.done ? (card.verdict ?? "inconclusive") : "work"}
      lang={card.language === "zh" ? "zh-CN" : "en"}
      aria-busy={!card.done}
    >
      <CardHead card={card} />
      {symptom.map((section) => (
        <div key={section.kind} className="lead">
          <SectionLines section={section} />
        </div>
      ))}
      {!card.done && <Steps card={card} />}
      {(others.length > 0 || card.hunk !== null || card.mentions.length > 0) && (
        <dl className="rows">
          {others.map((section) => (
            <Row key={section.kind} kind={section.kind} heading={section.heading}>
              <SectionLines section={section} />
              {section.kind === "cause" && card.hunk !== null && <Hunk hunk={card.hunk} />}
            </Row>
          ))}
          {!hasCause && card.hunk !== null && (
            <Row kind="cause" heading="">
              <Hunk hunk={card.hunk} />
            </Row>
          )}
          {card.mentions.length > 0 && (
            <Row kind="owner" heading={(card.language === "zh" ? zh : en).owner}>
              {card.mentions.map((mention) => (
                <Mention key={mention} text={mention} />
              ))}
            </Row>
          )}
        </dl>
      )}
      {card.done && <Steps card={card} />}
      {card.done && isLast && (
        <footer className="card-foot">
          <FollowUps label={strings.followUps} questions={card.buttons} onAsk={onAsk} />
          <Feedback incident={incident} rating={rating} />
        </footer>
      )}
    </article>
  );
}
