import { Fragment } from "react";

import { stations } from "../../lib/text";
import type { Line, Section } from "../../types";
import { EvidenceChip } from "../EvidenceChip";
import { RichText } from "../RichText";
import { Path } from "./Path";

export function SectionLines({ section }: { section: Section }) {
  return section.lines.map((line, at) => (
    <p key={at} className="line">
      <LineText line={line} isPath={section.kind === "path"} />
      {line.evidence.map((id) => (
        // A space, and no margin: at the end of a line it takes no room.
        <Fragment key={id}>
          {" "}
          <EvidenceChip id={id} />
        </Fragment>
      ))}
    </p>
  ));
}

function LineText({ line, isPath }: { line: Line; isPath: boolean }) {
  const path = isPath ? stations(line.text) : [];
  return path.length > 0 ? <Path stations={path} /> : <RichText text={line.text} />;
}
