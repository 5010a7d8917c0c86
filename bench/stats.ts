/** Figures of a benchmark run. Pure. */

/** What one run of one scenario against one system gave. */
export interface Run {
  readonly system: string;
  readonly scenario: string;
  readonly round: number;
  /** Messages received a second. */
  readonly rate: number;
  /** From send to received, ms. */
  readonly p50: number;
  readonly p99: number;
  /** Server CPU per message received, µs; undefined where the system does not tell. */
  readonly cpu: number | undefined;
}

export type Figure = "rate" | "p50" | "p99" | "cpu";

/** The value below which a share `q` of the sorted values lies (nearest rank); NaN of none. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1));
  return sorted[rank] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** Medians over the rounds of one system in one scenario. */
export interface Summary {
  readonly scenario: string;
  readonly system: string;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpu: number | undefined;
  /** Its rate as a multiple of the base's, the median of the rounds; undefined for the base itself. */
  readonly ratio: number | undefined;
  readonly ratios: readonly number[];
}

/**
 * Medians and ratios, a line per scenario and system, in the order of the runs. A round's ratio is of two runs that
 * followed each other, so what slows the machine for a while slows both.
 */
export function summarise(runs: readonly Run[], base: string): Summary[] {
  const keys = new Map(runs.map((run) => [`${run.scenario} ${run.system}`, run]));
  return [...keys.values()].map(({ scenario, system }) => {
    const mine = runs.filter((run) => run.scenario === scenario && run.system === system);
    const of = (figure: Figure): number[] => mine.flatMap((run) => run[figure] ?? []);
    const bases = runs.filter((run) => run.scenario === scenario && run.system === base);
    const ratios = mine.flatMap((run) => {
      const other = bases.find((candidate) => candidate.round === run.round);
      return other === undefined || system === base ? [] : [run.rate / other.rate];
    });
    return {
      scenario,
      system,
      rate: median(of("rate")),
      p50: median(of("p50")),
      p99: median(of("p99")),
      cpu: of("cpu").length > 0 ? median(of("cpu")) : undefined,
      ratio: ratios.length > 0 ? median(ratios) : undefined,
      ratios,
    };
  });
}

const HEADINGS = ["scenario", "system", "msg/s", "p50 ms", "p99 ms", "CPU µs/msg", "× base", "rounds"];

/** The summaries as a table for people. */
export function table(summaries: readonly Summary[]): string {
  const rows = summaries.map((line) => [
    line.scenario,
    line.system,
    line.rate.toFixed(0),
    line.p50.toFixed(2),
    line.p99.toFixed(2),
    line.cpu?.toFixed(0) ?? "–",
    line.ratio?.toFixed(2) ?? "",
    line.ratios.map((ratio) => ratio.toFixed(2)).join(" "),
  ]);
  const lines = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const isText = (i: number): boolean => i < 2 || i === HEADINGS.length - 1;
  return lines
    .map((line) =>
      line
        .map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
