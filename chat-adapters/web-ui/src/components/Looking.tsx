import { useStrings } from "../i18n/language";
import { useNow } from "../lib/now";
import { Spinner } from "./Spinner";

/** An answer that takes longer is not coming. */
const LONGEST_MS = 120_000;

/** Somebody asked, and the answer is not there yet. */
export function Looking({ since }: { since: string }) {
  const strings = useStrings();
  const now = useNow(5_000);
  if (now.getTime() - Date.parse(since) > LONGEST_MS) return null;
  return (
    <p className="looking">
      <Spinner /> {strings.looking}
    </p>
  );
}
