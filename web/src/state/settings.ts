/** How somebody likes the page: kept in this browser, if it keeps anything, for whoever uses it. */
import { en, type Texts } from "../i18n/en.ts";
import { zh } from "../i18n/zh.ts";
import type { Lang } from "../view/times.ts";
import { local } from "./shelf.ts";

export type Theme = "auto" | "light" | "dark";

export interface Settings {
  readonly theme: Theme;
  readonly lang: Lang;
  /** What comes while nobody looks is told by the browser. */
  readonly notices: boolean;
}

const KEY = "mpim:web:settings";

export const TEXTS: Readonly<Record<Lang, Texts>> = { en, zh };

export function loadSettings(): Settings {
  const preferred: Lang = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  try {
    const { theme, lang, notices } = JSON.parse(local.read(KEY) ?? "{}") as Partial<Settings>;
    return {
      theme: theme === "light" || theme === "dark" ? theme : "auto",
      lang: lang === "en" || lang === "zh" ? lang : preferred,
      notices: notices === true,
    };
  } catch {
    return { theme: "auto", lang: preferred, notices: false };
  }
}

export function saveSettings(settings: Settings): void {
  local.write(KEY, JSON.stringify(settings));
}

/** Makes the page look so. */
export function applySettings({ theme, lang }: Pick<Settings, "theme" | "lang">): void {
  document.documentElement.dataset["theme"] = theme;
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
}
