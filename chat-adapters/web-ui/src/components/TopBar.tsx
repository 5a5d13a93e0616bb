import { useLanguage } from "../i18n/language";
import type { Connection } from "../lib/events";
import { ListIcon, Mark } from "./Icons";

interface Props {
  connection: Connection;
  listIsOpen: boolean;
  onToggleList(): void;
}

export function TopBar({ connection, listIsOpen, onToggleList }: Props) {
  const { strings, language, choose } = useLanguage();
  return (
    <header className="topbar">
      <button
        type="button"
        className="icon-button"
        aria-expanded={listIsOpen}
        aria-label={listIsOpen ? strings.hideIncidents : strings.showIncidents}
        title={listIsOpen ? strings.hideIncidents : strings.showIncidents}
        onClick={onToggleList}
      >
        <ListIcon />
      </button>
      <a className="brand" href="#/">
        <Mark />
        <span>Waggle</span>
      </a>
      <span className="connection" data-connection={connection} role="status">
        <span className="dot" aria-hidden="true" />
        {strings[connection]}
      </span>
      <button
        type="button"
        className="text-button"
        lang={language === "en" ? "zh-CN" : "en"}
        aria-label={strings.otherLanguageLabel}
        title={strings.otherLanguageLabel}
        onClick={() => choose(language === "en" ? "zh" : "en")}
      >
        {strings.otherLanguage}
      </button>
    </header>
  );
}
