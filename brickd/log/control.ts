/**
 * State of the log that all threads of the process share: the descriptor, and settings that io-stats options and
 * signals change at run time. They are in shared memory, so that a change reaches every thread at once; so is a table
 * of volumes with log levels of their own.
 */

const LEVEL = 0;
const WITH_ID = 1;
const BUFFER_SIZE = 2;
const FLUSH_TIMEOUT_S = 3;
/** Counts the changes of the table; 0: it has never been used. */
const TABLE_VERSION = 4;
/** Bytes of the table. */
const TABLE_LENGTH = 5;
/** The level of the process itself, where that of LEVEL is a volume's. */
const OWN_LEVEL = 6;
/** From here on: lines by severity, those that repetition or a flood has held back included. Their numbers wrap. */
const LINES = 8;
const SEVERITIES = 10;
const SLOTS = LINES + SEVERITIES;
/** Room for the names of some thousand volumes. */
const TABLE_BYTES = 1 << 18;

/** What a thread needs to log; structured-clonable. */
export interface LogHandle {
  fd: number;
  local: boolean;
  memory: SharedArrayBuffer;
}

export class LogControl {
  readonly memory: SharedArrayBuffer;
  readonly #slots: Int32Array;
  readonly #table: Buffer;
  /** As this thread has read the table last. */
  #version = 0;
  #levels = new Map<string, number>();
  readonly #byDomain = new Map<string, number>();

  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(SLOTS * 4 + TABLE_BYTES);
    this.#slots = new Int32Array(this.memory, 0, SLOTS);
    this.#table = Buffer.from(this.memory, SLOTS * 4, TABLE_BYTES);
  }

  /** Highest severity number written for anything (see Severity); 0 writes nothing. */
  get highest(): number {
    return Atomics.load(this.#slots, LEVEL);
  }
  /** Highest severity number written where no volume has a level of its own. */
  get level(): number {
    return Atomics.load(this.#slots, OWN_LEVEL);
  }
  set level(value: number) {
    this.#slots[OWN_LEVEL] = value;
    this.#slots[LEVEL] = Math.max(value, ...this.#current().values());
  }

  /**
   * Gives names of volumes and bricks levels of their own, or takes them back (undefined). Only one thread may call it.
   * False when there is no room for more names.
   */
  setLevels(names: readonly string[], level: number | undefined): boolean {
    const levels = new Map(this.#current());
    for (const name of names) {
      if (level === undefined) levels.delete(name);
      else levels.set(name, level);
    }
    const text = JSON.stringify([...levels]);
    if (text.length > TABLE_BYTES) return false;
    // A thread that reads meanwhile gets text that is none, and reads again.
    this.#slots[TABLE_LENGTH] = 0;
    this.#table.latin1Write(text);
    this.#slots[TABLE_LENGTH] = text.length;
    Atomics.add(this.#slots, TABLE_VERSION, 1);
    this.#slots[LEVEL] = Math.max(this.level, ...levels.values());
    return true;
  }

  /** Level of what a domain logs: a brick, a translator `VOLUME-name` or a part of the process. */
  levelOf(domain: string): number {
    if (Atomics.load(this.#slots, TABLE_VERSION) === 0) return this.level;
    const levels = this.#current();
    let level = this.#byDomain.get(domain);
    if (level === undefined) {
      let longest = -1;
      level = -1;
      for (const [name, own] of levels) {
        if (name.length <= longest || (domain !== name && !domain.startsWith(`${name}-`))) continue;
        longest = name.length;
        level = own;
      }
      this.#byDomain.set(domain, level);
    }
    return level < 0 ? this.level : level;
  }

  #current(): Map<string, number> {
    const version = Atomics.load(this.#slots, TABLE_VERSION);
    if (version === this.#version) return this.#levels;
    try {
      this.#levels = new Map(JSON.parse(this.#table.latin1Slice(0, this.#slots[TABLE_LENGTH])) as [string, number][]);
      this.#byDomain.clear();
      this.#version = version;
    } catch {
      // It is being written: what was read last holds until the next line.
    }
    return this.#levels;
  }

  /** A line of that severity was logged. */
  countLine(severity: number): void {
    Atomics.add(this.#slots, LINES + severity, 1);
  }
  /** Lines since the start, by severity. */
  lines(): number[] {
    return Array.from({ length: SEVERITIES }, (_, severity) => Atomics.load(this.#slots, LINES + severity) >>> 0);
  }

  /** Lines carry message numbers (log-format with-msg-id). */
  get withId(): boolean {
    return this.#slots[WITH_ID] !== 0;
  }
  set withId(value: boolean) {
    this.#slots[WITH_ID] = value ? 1 : 0;
  }
  /** Messages remembered for repetition suppression, 0..20. */
  get bufferSize(): number {
    return Atomics.load(this.#slots, BUFFER_SIZE);
  }
  set bufferSize(value: number) {
    this.#slots[BUFFER_SIZE] = value;
  }
  /** Seconds until counted repetitions are written, 30..300. */
  get flushTimeoutS(): number {
    return Atomics.load(this.#slots, FLUSH_TIMEOUT_S);
  }
  set flushTimeoutS(value: number) {
    this.#slots[FLUSH_TIMEOUT_S] = value;
  }
}

const LEVELS = new Map([
  ['none', 0],
  ['critical', 3],
  ['error', 4],
  ['warning', 5],
  ['info', 7],
  ['debug', 8],
  ['trace', 9],
]);

/** Severity number of a level name as options spell it (any case); undefined for an unknown one. */
export function levelOf(name: string): number | undefined {
  return LEVELS.get(name.toLowerCase());
}
