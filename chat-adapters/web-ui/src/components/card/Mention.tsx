import { RichText } from "../RichText";

/** ``li.na — label `owner` of inventory``: the name first, then the rule that named it. */
export function Mention({ text }: { text: string }) {
  const [name = "", ...rule] = text.split(" — ");
  return (
    <p className="line mention">
      <b>@{name.replace(/^@/, "")}</b>
      {rule.length > 0 && (
        <span className="rule">
          <RichText text={rule.join(" — ")} />
        </span>
      )}
    </p>
  );
}
