import { memo } from "react";

import { useStrings } from "../i18n/language";
import { clock } from "../lib/time";
import type { ChatLine, IncidentId, Rating } from "../types";
import { Card } from "./card/Card";
import { FollowUps } from "./card/FollowUps";
import { RichText } from "./RichText";

interface Props {
  line: ChatLine;
  incident: IncidentId;
  rating: Rating | null;
  isLastCard: boolean;
  onAsk(text: string): Promise<boolean>;
}

/** One thing that was said. */
export const Message = memo(function Message({ line, incident, rating, isLastCard, onAsk }: Props) {
  const strings = useStrings();
  const { speaker, post, at } = line;
  if (post.kind === "card") {
    return <Card card={post.card} incident={incident} rating={rating} isLast={isLastCard} onAsk={onAsk} />;
  }
  return (
    <article className="message" data-speaker={speaker.kind}>
      <p className="message-head">
        <b>{speaker.kind === "person" ? speaker.name : "Waggle"}</b>
        <time dateTime={at}>{clock(at, new Date(), strings.locale)}</time>
      </p>
      <div className="message-text">
        <RichText text={post.text} />
      </div>
      <FollowUps questions={post.buttons.map((button) => button.text)} onAsk={onAsk} />
    </article>
  );
});
