/**
 * Writes metrics in Prometheus's text format. There may be tens of thousands of series, whose values are stored
 * elsewhere; they are written directly from there, in slices between which other work of the thread runs.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'untyped';

/** The head of a metric. */
export interface MetricHead {
  name: string;
  type: MetricType;
  help: string;
}

/** Longest time that the writing holds up the thread. */
const SLICE_MS = 5;
/** Characters that go out together. */
const PIECE = 64 * 1024;

const escapes: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** Labels as they stand between braces; values are text. */
export function labels(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, (c) => escapes[c] ?? c)}"`)
    .join(',');
}

export function head({ name, type, help }: MetricHead): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n`;
}

/** One sample. within: labels as {@link labels} makes them. */
export function sample(name: string, within: string, value: number): string {
  return within === '' ? `${name} ${number(value)}\n` : `${name}{${within}} ${number(value)}\n`;
}

function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** Bounds as labels of buckets have them. */
export const boundLabels = (bounds: readonly number[]): string[] => [...bounds.map((b) => `le="${b}"`), 'le="+Inf"'];

/** A histogram's samples. buckets: counts of each bucket alone. */
export function histogram(
  name: string,
  within: string,
  bounds: readonly string[],
  buckets: ArrayLike<number>,
  sum: number,
): string {
  const prefix = within === '' ? `${name}_bucket{` : `${name}_bucket{${within},`;
  let text = '';
  let count = 0;
  for (let i = 0; i < bounds.length; i++) {
    count += buckets[i] ?? 0;
    text += `${prefix}${bounds[i]}} ${count}\n`;
  }
  const around = within === '' ? '' : `{${within}}`;
  return `${text}${name}_sum${around} ${number(sum)}\n${name}_count${around} ${count}\n`;
}

/** Collects text, and tells when a piece is full and when others should have their turn. */
export class Writer {
  #text = '';
  #start = performance.now();
  /** Longest time between two turns of others, so far. */
  longestMs = 0;

  add(text: string): void {
    this.#text += text;
  }

  get full(): boolean {
    return this.#text.length >= PIECE;
  }

  /** Everything since the last piece. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  get due(): boolean {
    return performance.now() - this.#start >= SLICE_MS;
  }

  /** Lets others have their turn. */
  async pause(): Promise<void> {
    this.longestMs = Math.max(this.longestMs, performance.now() - this.#start);
    await new Promise((resolve) => setImmediate(resolve));
    this.#start = performance.now();
  }
}
