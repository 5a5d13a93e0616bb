import { useEffect, useState } from "react";

import { useStrings } from "../../i18n/language";
import { duration } from "../../lib/time";

/** Work that has not been heard of for so long is not counted on. */
const SILENT_MS = 30_000;

interface Props {
  /** As the server last said. */
  ms: number;
  isRunning: boolean;
}

/** How long it took; counts on between what the server says. */
export function Elapsed({ ms, isRunning }: Props) {
  const strings = useStrings();
  const [since, setSince] = useState(0);
  useEffect(() => {
    setSince(0);
    if (!isRunning) return;
    const start = performance.now();
    const timer = setInterval(() => setSince(Math.min(performance.now() - start, SILENT_MS)), 100);
    return () => clearInterval(timer);
  }, [ms, isRunning]);
  return (
    <span className="elapsed" title={strings.elapsed} aria-hidden={isRunning || undefined}>
      {duration(ms + since)}
    </span>
  );
}
