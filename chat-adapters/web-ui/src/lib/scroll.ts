import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

import type { ChatLine } from "../types";

/** A line that begins this little below what is seen comes into view by itself. */
const NEAR_PX = 96;

/**
 * Keeps a reader at the end of a conversation when a line comes, unless they read elsewhere: above, or in a card that
 * has just grown. A line that changes in its place moves nothing.
 */
export function useStayAtEnd(
  box: RefObject<HTMLElement | null>,
  list: RefObject<HTMLElement | null>,
  lines: readonly ChatLine[],
) {
  const count = useRef(lines.length);
  const [hasNewBelow, setHasNewBelow] = useState(false);

  const toEnd = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollTo({ top: element.scrollHeight, behavior: isCalm ? "auto" : "smooth" });
    setHasNewBelow(false);
  }, [box]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const onScroll = () => {
      const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
      if (isAtEnd) setHasNewBelow(false);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, [box]);

  useLayoutEffect(() => {
    const firstNew = list.current?.children[count.current];
    const isNew = lines.length > count.current;
    count.current = lines.length;
    if (!isNew || firstNew === undefined || box.current === null) return;
    const belowView = firstNew.getBoundingClientRect().top - box.current.getBoundingClientRect().bottom;
    const isOwn = lines.at(-1)?.speaker.kind === "person";
    if (isOwn || belowView < NEAR_PX) toEnd();
    else setHasNewBelow(true);
  }, [box, list, lines, toEnd]);

  return { hasNewBelow, toEnd };
}
