import { useStrings } from "../../i18n/language";
import { diffLines, firstChange } from "../../lib/diff";
import type { CardHunk } from "../../types";
import { EvidenceChip } from "../EvidenceChip";
import { CommitIcon } from "../Icons";

const MARK = { same: " ", added: "+", removed: "−" };

/** The changed place that is blamed. */
export function Hunk({ hunk }: { hunk: CardHunk }) {
  const strings = useStrings();
  const lines = diffLines(hunk.line, hunk.lines);
  const place = `${hunk.path}:${firstChange(lines) ?? hunk.line}`;
  return (
    <figure className="hunk">
      <figcaption>
        <span className="hunk-place">{place}</span>
        <span className="hunk-commit" title={hunk.commit}>
          <CommitIcon />
          <code>{hunk.commit.slice(0, 7)}</code>
          <span className="hunk-summary">{hunk.summary}</span>
          <span className="hunk-author">{strings.commitBy(hunk.author)}</span>
        </span>
        <EvidenceChip id={hunk.evidence} />
      </figcaption>
      <div className="diff" tabIndex={0} role="region" aria-label={place}>
        <div className="diff-lines">
          {lines.map((line, at) => (
            <div key={at} className="diff-line" data-kind={line.kind}>
              <span className="diff-number">{line.number}</span>
              <span className="diff-mark">{MARK[line.kind]}</span>
              <code>{line.text}</code>
            </div>
          ))}
        </div>
      </div>
    </figure>
  );
}
