/** The measured values over all rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** One contender in one section: a figure for each column, in the columns' order. */
export interface Row {
  readonly name: string;
  readonly figures: readonly Spread[];
}

/** A ratio to reach. */
export interface Goal {
  readonly text: string;
  readonly ratio: Spread;
  /** Reached if the median is not above it. */
  readonly atMost: number;
}

/** One table of the report. */
export interface Section {
  readonly title: string;
  /** Headings with their units, such as `CPU µs`. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly goals?: readonly Goal[];
}

/** The median of some rounds, and between which quarter points the middle half of them lies. */
export function spreadOf(rounds: readonly number[]): Spread {
  const sorted = rounds.toSorted((a, b) => a - b);
  const at = (part: number): number => {
    const index = (sorted.length - 1) * part;
    const below = sorted[Math.floor(index)] ?? Number.NaN;
    const above = sorted[Math.ceil(index)] ?? Number.NaN;
    return below + (above - below) * (index - Math.floor(index));
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

/** Prints a section as lines for a terminal: medians, with the middle half of the rounds after them. */
export function tableLines({ title, columns, rows, goals = [] }: Section): string[] {
  const cells = [['', ...columns], ...rows.map(({ name, figures }) => [name, ...figures.map(spreadText)])];
  const widths =
    cells[0]?.map((_, index) => Math.max(...cells.map((row) => (row[index] ?? '').length))) ?? [];
  const lines = cells.map((row) => {
    const padded = row.map((cell, index) =>
      index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
    );
    return `  ${padded.join('   ').trimEnd()}`;
  });
  return [title, ...lines, ...goals.map((goal) => `  ${goalText(goal)}`)];
}

/** Whether a goal is reached. */
export function isReached({ ratio, atMost }: Goal): boolean {
  return ratio.median <= atMost;
}

function goalText(goal: Goal): string {
  const { text, ratio, atMost } = goal;
  return `${isReached(goal) ? 'reached' : 'MISSED '}  ${text}: ${spreadText(ratio)}, goal ≤ ${atMost}`;
}

function spreadText({ median, low, high }: Spread): string {
  if (!Number.isFinite(median)) return '–';
  if (low === high) return numberText(median);
  return `${numberText(median)} (${numberText(low)}–${numberText(high)})`;
}

/** Rounds to three digits: a measurement on a shared machine is not more precise. */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
