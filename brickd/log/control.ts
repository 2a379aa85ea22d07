/**
 * What all threads of the process share about the log: the descriptor, and switches that io-stats options and signals
 * change at run time. The switches sit in shared memory, so a change reaches every thread at once.
 */

const LEVEL = 0;
const WITH_ID = 1;
const BUFFER_SIZE = 2;
const FLUSH_TIMEOUT_S = 3;
const SLOTS = 4;

/** What a thread needs to log; structured-clonable. */
export interface LogHandle {
  fd: number;
  local: boolean;
  memory: SharedArrayBuffer;
}

export class LogControl {
  readonly memory: SharedArrayBuffer;
  readonly #slots: Int32Array;

  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(SLOTS * 4);
    this.#slots = new Int32Array(this.memory);
  }

  /** Highest severity number written (see Severity); 0 writes nothing. */
  get level(): number {
    return this.#slots[LEVEL]!;
  }
  set level(value: number) {
    this.#slots[LEVEL] = value;
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
    return this.#slots[BUFFER_SIZE]!;
  }
  set bufferSize(value: number) {
    this.#slots[BUFFER_SIZE] = value;
  }
  /** Seconds until counted repetitions are written, 30..300. */
  get flushTimeoutS(): number {
    return this.#slots[FLUSH_TIMEOUT_S]!;
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
