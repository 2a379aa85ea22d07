/**
 * The log of one thread: formats lines and writes each with one write(2) to a descriptor that was opened with O_APPEND,
 * so that lines of several threads never mix. All threads use the same descriptor number; rotation replaces the file
 * behind it.
 */
import { writeSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { type LogLine, type LogSink, Severity, type SeverityNumber } from '../../mux/base/log.js';
import { nowUs } from '../../mux/base/time-text.js';
import { LogControl, type LogHandle } from './control.js';
import { FloodBound, WINDOW_MS } from './flood.js';
import { formatLine, type LogParts } from './format.js';
import { callerOf } from './place.js';
import { Repetition } from './repetition.js';

/** Text of an errno as the log shows it ("no such file or directory"). */
export function errorText(errno: number): string {
  if (errno === 0) return '';
  return getSystemErrorMap().get(-errno)?.[1] ?? `Unknown error ${errno}`;
}

export class FileLog implements LogSink {
  readonly #fd: number;
  readonly control: LogControl;
  readonly #local: boolean;
  readonly #repetition: Repetition;
  readonly #flood: FloodBound;
  #timer: NodeJS.Timeout | null = null;
  #floodTimer: NodeJS.Timeout | null = null;

  constructor(handle: LogHandle) {
    this.#fd = handle.fd;
    this.#local = handle.local;
    this.control = new LogControl(handle.memory);
    this.#repetition = new Repetition(this.control.bufferSize, this.#local, (text) => this.raw(text));
    this.#flood = new FloodBound(handle.local, (text) => this.raw(text));
  }

  wants(severity: SeverityNumber): boolean {
    return severity <= this.control.highest;
  }

  write(line: LogLine): void {
    if (line.severity > this.control.levelOf(line.domain)) return;
    this.control.countLine(line.severity);
    const now = nowUs();
    const error = errorText(line.errno);
    const withId = this.control.withId;
    // Like Gluster, only lines with a number are counted; those without are rare by nature.
    const counts = withId && line.msgid !== 0;
    if (counts && this.#repetition.counted(line.severity, line.domain, line.msgid, line.text, error, now)) {
      this.#arm();
      return;
    }
    const { severity, domain, msgid, text, traced } = line;
    const place = traced === undefined ? callerOf(line.below) : `trace:0:${traced}`;
    const parts: LogParts = { severity, domain, msgid, text, errorText: error, place };
    // Debug and trace lines are never suppressed.
    if (severity < Severity.debug && traced === undefined && this.#flood.exceeded(parts, now / 1000)) {
      this.#tellOfFloodSoon();
      return;
    }
    if (counts) {
      this.#repetition.size = this.control.bufferSize;
      this.#repetition.remember(parts, now);
    }
    this.raw(formatLine(parts, now, this.#local, withId));
  }

  /** Writes a byte string as it is. A full disk loses it: the log must not stop the service. */
  raw(text: string): void {
    try {
      writeSync(this.#fd, text, null, 'latin1');
    } catch {
      // nowhere left to report it
    }
  }

  /** Writes the counts of suppressed lines. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#repetition.flush();
    this.#flood.flush();
  }

  #tellOfFloodSoon(): void {
    if (this.#floodTimer !== null) return;
    this.#floodTimer = setTimeout(() => {
      this.#floodTimer = null;
      this.#flood.endWindows(nowUs() / 1000);
      if (this.#flood.silent) this.#tellOfFloodSoon();
    }, WINDOW_MS);
    this.#floodTimer.unref();
  }

  #arm(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.flush(), this.control.flushTimeoutS * 1000);
    this.#timer.unref();
  }
}

/** Entry of worker threads: see inheritLog of the contract. */
export function attachLog(handle: unknown): LogSink {
  const log = new FileLog(handle as LogHandle);
  process.once('exit', () => log.flush());
  return log;
}
