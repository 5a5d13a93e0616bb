import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

import type { Language } from "../types";
import { en, zh, type Strings } from "./strings";

const KEY = "waggle.language";

interface Chosen {
  language: Language;
  strings: Strings;
  choose(language: Language): void;
}

const Context = createContext<Chosen>({ language: "en", strings: en, choose: () => undefined });

/** The page's own words, in the language that the browser asks for until a person chooses one. */
export const useStrings = (): Strings => useContext(Context).strings;

export const useLanguage = (): Chosen => useContext(Context);

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  const chosen = useMemo(
    () => ({
      language,
      strings: language === "zh" ? zh : en,
      choose: (language: Language) => {
        setLanguage(language);
        remember(language);
      },
    }),
    [language],
  );
  return <Context value={chosen}>{children}</Context>;
}

function firstLanguage(): Language {
  const kept = remembered();
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

// Storage may be switched off: then the choice lasts as long as the page.

function remember(language: Language) {
  try {
    localStorage.setItem(KEY, language);
  } catch {
    return;
  }
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
