/**
 * A stretch of a text: as it is, a literal that stood between backticks, or evidence that stood between brackets.
 * Evidence keeps the full stop or comma that comes `after` it, so that no line begins with one.
 */
export type Piece = { kind: "text" | "code"; text: string } | { kind: "evidence"; ids: string[]; after: string };

const PIECE = /`([^`\n]+)`|\[(E\d+(?:\s*[,，、]\s*E\d+)*)\]([.,;:!?)，。；：！？、）]*)/g;

/** Cuts a text into pieces; nothing of it is lost but the backticks and the brackets. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(PIECE)) {
    if (match.index > end) found.push({ kind: "text", text: text.slice(end, match.index) });
    end = match.index + match[0].length;
    if (match[1] !== undefined) found.push({ kind: "code", text: match[1] });
    else found.push({ kind: "evidence", ids: match[2]?.match(/E\d+/g) ?? [], after: match[3] ?? "" });
  }
  if (end < text.length) found.push({ kind: "text", text: text.slice(end) });
  return found;
}

/** The stations of a line such as `gateway → checkout → inventory`; empty when it is not a path. */
export function stations(text: string): string[] {
  const stations = text.split("→").map((station) => station.trim());
  return stations.length > 1 && stations.every((station) => station !== "") ? stations : [];
}

/** Without backticks, for places that hold nothing but text. */
export const plain = (text: string): string => text.replaceAll("`", "");
