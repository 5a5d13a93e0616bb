import { useCallback, useRef, useState } from "react";

import { useStrings } from "../i18n/language";
import { useStayAtEnd } from "../lib/scroll";
import * as api from "../lib/api";
import type { Detail } from "../types";
import { Composer } from "./Composer";
import { ConversationHead } from "./ConversationHead";
import { DownIcon } from "./Icons";
import { Looking } from "./Looking";
import { Message } from "./Message";

/** One incident: what it is, what was said about it, and a box to say more. */
export function Conversation({ detail }: { detail: Detail }) {
  const strings = useStrings();
  const { incident, lines, finding, rating } = detail;
  const box = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const { hasNewBelow, toEnd } = useStayAtEnd(box, list, lines);
  const [fault, setFault] = useState<api.Fault | null>(null);

  const ask = useCallback(
    async (text: string): Promise<boolean> => {
      try {
        await api.ask(incident.id, text);
        setFault(null);
        return true;
      } catch (error) {
        setFault(error instanceof api.Fault ? error : new api.Fault(String(error), 0));
        return false;
      }
    },
    [incident.id],
  );

  // The card that was posted last is the one whose questions and rating are offered.
  const lastCard = lines.findLast(({ post }) => post.kind === "card")?.id;
  const last = lines.at(-1);
  return (
    <div className="conversation">
      <div className="scroll" ref={box} tabIndex={-1}>
        <div className="column">
          <ConversationHead incident={incident} finding={finding} />
          <div className="lines" ref={list} role="log" aria-live="polite" aria-relevant="additions">
            {lines.map((line) => (
              <Message
                key={line.id}
                line={line}
                incident={incident.id}
                rating={rating}
                isLastCard={line.id === lastCard}
                onAsk={ask}
              />
            ))}
            {last?.speaker.kind === "person" && <Looking since={last.at} />}
          </div>
        </div>
        <Composer incident={incident.id} fault={fault} onAsk={ask} />
      </div>
      {hasNewBelow && (
        <button type="button" className="new-below" onClick={toEnd}>
          <DownIcon /> {strings.newBelow}
        </button>
      )}
    </div>
  );
}
