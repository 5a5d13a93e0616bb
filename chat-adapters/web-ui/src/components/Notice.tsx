import type { ReactNode } from "react";

import { Mark } from "./Icons";
import { RichText } from "./RichText";

interface Props {
  title?: string;
  text: string;
  children?: ReactNode;
}

/** Said in the middle of an otherwise empty page. */
export function Notice({ title, text, children }: Props) {
  return (
    <div className="notice">
      <Mark />
      {title !== undefined && (
        <h1>
          <RichText text={title} />
        </h1>
      )}
      {text !== "" && (
        <p>
          <RichText text={text} />
        </p>
      )}
      {children}
    </div>
  );
}
