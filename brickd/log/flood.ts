/**
 * Limits log lines of one kind, so that a fault that repeats thousands of times a second fills neither the disk nor the
 * thread's time. Suppressed lines are counted, and reported in one line at the end of the window.
 */
import { formatMore, type LogParts } from './format.js';

/** Lines of one kind that are written within a window. */
export const MAX_LINES_PER_WINDOW = 200;
export const WINDOW_MS = 10_000;
/** Kinds that are followed at a time. */
const MAX_KINDS = 200;

interface Kind {
  /** The line that was left out last. */
  parts: LogParts;
  startMs: number;
  written: number;
  leftOut: number;
}

/**
 * Lines of the same place, severity and domain that begin with the same word are one kind: several messages may go through the
 * same place, as those of all fops do.
 */
function kindOf(parts: LogParts): string {
  const word = /^[A-Za-z]+/.exec(parts.text)?.[0] ?? '';
  return `${parts.severity} ${parts.domain} ${parts.place} ${word}`;
}

export class FloodBound {
  readonly #write: (text: string) => void;
  readonly #local: boolean;
  /** In the order in which their windows began. */
  readonly #kinds = new Map<string, Kind>();

  constructor(local: boolean, write: (text: string) => void) {
    this.#local = local;
    this.#write = write;
  }

  /** True if the line exceeds the limit: the caller writes nothing. nowMs: from a clock that never goes back. */
  exceeded(parts: LogParts, nowMs: number): boolean {
    this.endWindows(nowMs);
    const key = kindOf(parts);
    const kind = this.#kinds.get(key);
    if (kind === undefined) {
      if (this.#kinds.size >= MAX_KINDS) this.#endOldest();
      this.#kinds.set(key, { parts, startMs: nowMs, written: 1, leftOut: 0 });
      return false;
    }
    if (kind.written < MAX_LINES_PER_WINDOW) {
      kind.written++;
      return false;
    }
    kind.leftOut++;
    kind.parts = parts;
    return true;
  }

  /** Whether lines have been left out that no line reports yet. */
  get silent(): boolean {
    for (const kind of this.#kinds.values()) if (kind.leftOut > 0) return true;
    return false;
  }

  /** Ends the windows whose time is over. */
  endWindows(nowMs: number): void {
    for (const [key, kind] of this.#kinds) {
      if (nowMs - kind.startMs < WINDOW_MS) return;
      this.#end(key, kind);
    }
  }

  flush(): void {
    for (const [key, kind] of this.#kinds) this.#end(key, kind);
  }

  #endOldest(): void {
    for (const [key, kind] of this.#kinds) {
      this.#end(key, kind);
      return;
    }
  }

  #end(key: string, kind: Kind): void {
    this.#kinds.delete(key);
    if (kind.leftOut > 0) this.#write(formatMore(kind.parts, kind.leftOut, WINDOW_MS / 1000, this.#local));
  }
}
