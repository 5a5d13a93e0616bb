import { useMemo, useState } from "react";

import { useStrings } from "../i18n/language";
import { jsonPieces, MAX_SHOWN } from "../lib/json";

/** JSON with its words coloured; a very long one in two steps. */
export function Json({ text }: { text: string }) {
  const strings = useStrings();
  const [showsAll, setShowsAll] = useState(false);
  const isCut = text.length > MAX_SHOWN && !showsAll;
  const pieces = useMemo(() => jsonPieces(isCut ? text.slice(0, MAX_SHOWN) : text), [text, isCut]);
  return (
    <>
      <pre className="json">
        {pieces.map(({ kind, text }, at) =>
          kind === "rest" ? text : (
            <span key={at} className={`json-${kind}`}>
              {text}
            </span>
          ),
        )}
      </pre>
      {isCut && (
        <p className="cut">
          {strings.cutAfter(Math.round(text.length / 1024))}{" "}
          <button type="button" className="text-button" onClick={() => setShowsAll(true)}>
            {strings.showAll}
          </button>
        </p>
      )}
    </>
  );
}
