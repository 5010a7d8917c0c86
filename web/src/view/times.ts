/** Times as people read them. Pure: the present time and the language come in. */

export type Lang = "en" | "zh";

const LOCALE = { en: "en-GB", zh: "zh-CN" } as const;
const DAY_MS = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(lang: Lang, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${lang}/${name}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(LOCALE[lang], options);
  formats.set(key, known);
  return known;
}

/** `14:05`. */
export function clock(ts: number, lang: Lang): string {
  return format(lang, "clock", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ts);
}

/** Midnights everywhere are at a quarter of an hour of UTC: the day of one is asked once. */
const QUARTER_MS = 900_000;
const QUARTERS = 10_000;
const dayOfQuarter = new Map<number, string>();

/** A text that differs from day to day, by this device's clock. */
export function dayKey(ts: number): string {
  const quarter = Math.floor(ts / QUARTER_MS);
  const known = dayOfQuarter.get(quarter);
  if (known !== undefined) return known;
  const date = new Date(ts);
  const day = `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
  if (dayOfQuarter.size >= QUARTERS) dayOfQuarter.clear();
  dayOfQuarter.set(quarter, day);
  return day;
}

/** How many midnights lie between; negative in the future. */
export function daysBetween(ts: number, now: number): number {
  const midnight = (at: number): number => new Date(at).setHours(0, 0, 0, 0);
  // Days of 23 and 25 hours round to one.
  return Math.round((midnight(now) - midnight(ts)) / DAY_MS);
}

/** The line above a day's messages. */
export function dayLabel(ts: number, now: number, lang: Lang): string {
  const days = daysBetween(ts, now);
  if (days === 0 || days === 1) return relativeDay(-days, lang);
  const sameYear = new Date(ts).getFullYear() === new Date(now).getFullYear();
  return format(lang, sameYear ? "day" : "dayYear", {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(!sameYear && { year: "numeric" }),
  }).format(ts);
}

/** For a list: the time today, else yesterday, the weekday, the date. */
export function listTime(ts: number, now: number, lang: Lang): string {
  const days = daysBetween(ts, now);
  if (days <= 0) return clock(ts, lang);
  if (days === 1) return relativeDay(-1, lang);
  if (days < 7) return format(lang, "weekday", { weekday: "short" }).format(ts);
  return format(lang, "date", { day: "numeric", month: "short", year: "2-digit" }).format(ts);
}

/** The whole time, for a tooltip. */
export function fullTime(ts: number, lang: Lang): string {
  return format(lang, "full", { dateStyle: "full", timeStyle: "short", hourCycle: "h23" }).format(ts);
}

function relativeDay(days: number, lang: Lang): string {
  const text = new Intl.RelativeTimeFormat(LOCALE[lang], { numeric: "auto" }).format(days, "day");
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
