/** A stretch of JSON as it is coloured. */
export interface JsonPiece {
  kind: "key" | "text" | "number" | "word" | "rest";
  text: string;
}

/** More than a person reads in a drawer, less than makes a browser slow. */
export const MAX_SHOWN = 60_000;

const PIECE = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)/g;

/** Cuts JSON with indents into pieces; joined they are the same text. */
export function jsonPieces(json: string): JsonPiece[] {
  const found: JsonPiece[] = [];
  let end = 0;
  const push = (kind: JsonPiece["kind"], text: string) => {
    if (text !== "") found.push({ kind, text });
  };
  for (const match of json.matchAll(PIECE)) {
    push("rest", json.slice(end, match.index));
    end = match.index + match[0].length;
    const [all, quoted, colon, number] = match;
    if (quoted !== undefined) {
      push(colon === undefined ? "text" : "key", quoted);
      push("rest", colon ?? "");
    } else {
      push(number === undefined ? "word" : "number", all);
    }
  }
  push("rest", json.slice(end));
  return found;
}
