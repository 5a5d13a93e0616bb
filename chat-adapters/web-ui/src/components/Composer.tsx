import { type FormEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";

import { useStrings } from "../i18n/language";
import type { Fault } from "../lib/api";
import type { IncidentId } from "../types";
import { SendIcon } from "./Icons";
import { RichText } from "./RichText";

interface Props {
  incident: IncidentId;
  fault: Fault | null;
  onAsk(text: string): Promise<boolean>;
}

/** What was begun and not sent, so that a look at another incident loses nothing. */
const drafts = new Map<IncidentId, string>();

/** The box to ask anything. */
export function Composer({ incident, fault, onAsk }: Props) {
  const strings = useStrings();
  const [text, setText] = useState(() => drafts.get(incident) ?? "");
  const [isSending, setIsSending] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    drafts.set(incident, text);
  }, [incident, text]);

  useLayoutEffect(() => {
    if (area.current === null) return;
    area.current.style.height = "auto";
    area.current.style.height = `${area.current.scrollHeight}px`;
  }, [text]);

  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const isTyping = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA)$/.test(event.target.tagName);
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      area.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  const send = async () => {
    const asked = text.trim();
    if (asked === "" || isSending) return;
    setIsSending(true);
    // What is typed while it is sent stays.
    if (await onAsk(asked)) setText((now) => (now === text ? "" : now));
    setIsSending(false);
    area.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // With an input method, Enter chooses a word.
    const isComposing = event.nativeEvent.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || isComposing) return;
    event.preventDefault();
    void send();
  };

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void send();
  };

  return (
    <form className="composer" onSubmit={onSubmit}>
      {fault !== null && (
        <p className="fault" role="alert">
          <b>{strings.notSent}</b> {fault.message === "" ? strings.noAnswer : <RichText text={fault.message} />}
          {fault.retryAfterS !== null && <> {strings.retryIn(fault.retryAfterS)}</>}
        </p>
      )}
      <div className="composer-box">
        <textarea
          ref={area}
          rows={1}
          value={text}
          maxLength={16_000}
          placeholder={strings.askAnything}
          aria-label={strings.askAnything}
          title={strings.askKeys}
          enterKeyHint="send"
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button type="submit" className="send" disabled={text.trim() === "" || isSending} aria-label={strings.send} title={strings.send}>
          <SendIcon />
        </button>
      </div>
    </form>
  );
}
