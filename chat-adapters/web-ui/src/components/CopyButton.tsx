import { useEffect, useState } from "react";

import { useStrings } from "../i18n/language";

/** Puts a text on the clipboard. Not there where the browser keeps the clipboard to itself. */
export function CopyButton({ text }: { text: string }) {
  const strings = useStrings();
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setIsCopied(false), 1_500);
    return () => clearTimeout(timer);
  }, [isCopied]);
  // Browsers give the clipboard to pages over HTTPS and on localhost alone.
  if (!window.isSecureContext) return null;
  const copy = () => navigator.clipboard.writeText(text).then(() => setIsCopied(true), () => undefined);
  return (
    <button type="button" className="text-button" onClick={() => void copy()}>
      {isCopied ? strings.copied : strings.copy}
    </button>
  );
}
