/**
 * Problems of a volfile as data. Parser, option tables and graph builder all report this form, so that log, start-up
 * error and `brickd check` show the same text.
 */

export type Severity = 'error' | 'warning';

export interface VolfileProblem {
  readonly severity: Severity;
  /** Line of the volfile, from 1; 0 when the problem has none (an option given on the command line). */
  readonly line: number;
  /** Name of the volume that the problem is in, when there is one. */
  readonly volume: string | undefined;
  /** A sentence without file, line and volume. */
  readonly message: string;
}

/** `file:line: volume 'x': sentence`, as far as known. */
export function problemText(file: string, p: VolfileProblem): string {
  const place = p.line > 0 ? `${file}:${p.line}` : file;
  return p.volume === undefined ? `${place}: ${p.message}` : `${place}: volume ${shown(p.volume)}: ${p.message}`;
}

/** A volfile that can't be used. The message tells the first error; `problems` holds all, warnings too. */
export class VolfileError extends Error {
  readonly file: string;
  readonly problems: readonly VolfileProblem[];

  constructor(file: string, problems: readonly VolfileProblem[]) {
    const errors = problems.filter((p) => p.severity === 'error');
    const first = errors[0];
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    super(first === undefined ? `${file}: not usable` : problemText(file, first) + more);
    this.name = 'VolfileError';
    this.file = file;
    this.problems = problems;
  }

  /** Line of the first error. */
  get line(): number {
    return this.problems.find((p) => p.severity === 'error')?.line ?? 0;
  }
}

const SHOWN_MAX = 120;

/** A byte string from a volfile as it appears in messages: quoted, unprintable bytes as \xNN, long ones cut. */
export function shown(bytes: string): string {
  const cut = bytes.length > SHOWN_MAX ? `${bytes.slice(0, SHOWN_MAX)}…` : bytes;
  let out = '';
  for (const c of cut) {
    const code = c.codePointAt(0) ?? 0;
    out += code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, '0')}` : c;
  }
  return `'${out}'`;
}
