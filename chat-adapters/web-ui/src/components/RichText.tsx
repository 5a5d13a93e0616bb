import { pieces, type Piece } from "../lib/text";
import { EvidenceChip } from "./EvidenceChip";

/** Text from the server: backticks become code, `[E3]` becomes a chip, and nothing becomes markup. */
export function RichText({ text }: { text: string }) {
  return pieces(text).map((piece, at) => <One key={at} piece={piece} />);
}

function One({ piece }: { piece: Piece }) {
  if (piece.kind !== "evidence") return piece.kind === "code" ? <code>{piece.text}</code> : <span>{piece.text}</span>;
  return (
    <span className="unbroken">
      {piece.ids.map((id) => (
        <EvidenceChip key={id} id={id} />
      ))}
      {piece.after}
    </span>
  );
}
