import { plain } from "../../lib/text";

/** From where it is felt to where it comes from, as chips; the last one is to blame. */
export function Path({ stations }: { stations: string[] }) {
  return (
    <span className="path">
      {stations.map((station, at) => (
        <span key={at} className="path-step">
          {at > 0 && <span className="arrow">→</span>}
          <span className="station" data-blamed={at === stations.length - 1 || undefined}>
            {plain(station)}
          </span>
        </span>
      ))}
    </span>
  );
}
