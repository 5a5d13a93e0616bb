import type { ReactNode } from "react";

import type { SectionKind } from "../../types";

interface Props {
  kind: SectionKind | "owner";
  heading: string;
  children: ReactNode;
}

/** A heading with what belongs under it, side by side where there is room. */
export function Row({ kind, heading, children }: Props) {
  return (
    <div className="row" data-kind={kind}>
      <dt>{heading}</dt>
      <dd>{children}</dd>
    </div>
  );
}
