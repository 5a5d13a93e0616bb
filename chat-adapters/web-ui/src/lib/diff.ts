/** One line of a diff as it is shown. */
export interface DiffLine {
  kind: "same" | "added" | "removed";
  /** Number in the file after the change; none for a line that was removed. */
  number: number | null;
  text: string;
}

/** Numbers the lines of a hunk that begins at line `first` of the file after the change. */
export function diffLines(first: number, lines: readonly string[]): DiffLine[] {
  let next = first;
  return lines.map((line) => {
    const text = line.slice(1);
    if (line.startsWith("-")) return { kind: "removed", number: null, text };
    return { kind: line.startsWith("+") ? "added" : "same", number: next++, text };
  });
}

/** The number of the first line that is not the same; of the line after it when lines were only removed. */
export function firstChange(lines: readonly DiffLine[]): number | null {
  const changed = lines.findIndex((line) => line.kind !== "same");
  return changed < 0 ? null : (lines.slice(changed).find((line) => line.number !== null)?.number ?? null);
}
