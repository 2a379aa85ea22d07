/** Opens and rotates the daemon's log, and makes it the sink of this thread and of workers that start later. */
import { closeSync, constants } from 'node:fs';
import { setEnvironmentData } from 'node:worker_threads';
import { LOG_INHERITANCE, type LogInheritance, loggerFor, setLogSink } from '../../mux/base/log.js';
import { openOwnFile, PRIVATE_MODE } from '../../mux/base/own-files.js';
import { addon } from '../../native/addon.js';
import { type ByteString, bytesOfText } from '../../native/bytes.js';
import { LogControl, levelOf } from './control.js';
import { FileLog } from './sink.js';
import { isStandardError } from './standard-error.js';

export interface LogOptions {
  /** Path, or `-` for standard error. */
  file: ByteString;
  /** Severity number, see levelOf. */
  level: number;
  localTime: boolean;
  withId: boolean;
  bufferSize: number;
  flushTimeoutS: number;
}

const log = loggerFor('logrotate');

const openLogFile = (path: ByteString): number =>
  openOwnFile(path, constants.O_WRONLY | constants.O_APPEND, PRIVATE_MODE);

export class DaemonLog {
  readonly fd: number;
  readonly control: LogControl;
  readonly #file: ByteString;
  readonly #sink: FileLog;

  /** Opens (creates, mode 0600) the file for appending. Throws the error of open(2). */
  constructor(options: LogOptions) {
    this.#file = options.file;
    this.fd = isStandardError(options.file) ? addon.dupFd(2) : openLogFile(options.file);
    this.control = new LogControl();
    this.control.level = options.level;
    this.control.withId = options.withId;
    this.control.bufferSize = options.bufferSize;
    this.control.flushTimeoutS = options.flushTimeoutS;
    const handle = { fd: this.fd, local: options.localTime, memory: this.control.memory };
    this.#sink = new FileLog(handle);
    setLogSink(this.#sink);
    const inheritance: LogInheritance = { module: new URL('./sink.js', import.meta.url).href, handle };
    setEnvironmentData(LOG_INHERITANCE, inheritance as never);
  }

  /**
   * Reopens the file and puts it in the place of the old descriptor, for all threads at once. What was only
   * counted goes to the old file. On failure logging goes on in the old file.
   */
  rotate(): void {
    this.#sink.flush();
    if (isStandardError(this.#file)) return;
    let next: number;
    try {
      next = openLogFile(this.#file);
    } catch (error) {
      log.critical(0, `failed to open logfile "${this.#file}" (${bytesOfText((error as Error).message)})`);
      return;
    }
    addon.dup2(next, this.fd);
    if (this.#stderrTaken) addon.dup2(next, 2);
    closeSync(next);
  }

  #stderrTaken = false;

  /** Sends standard error to the log as well, so that what the engine itself reports when it dies is not lost. */
  takeStandardError(): void {
    if (isStandardError(this.#file)) return;
    addon.dup2(this.fd, 2);
    this.#stderrTaken = true;
  }

  /** Lines since the start, by severity. */
  lines(): number[] {
    return this.control.lines();
  }

  /** Text without header, as the final graph is logged. */
  raw(text: string): void {
    this.#sink.raw(text);
  }

  flush(): void {
    this.#sink.flush();
  }

  /**
   * Applies the logging options of an io-stats volume; unknown levels are ignored with a warning. names: the brick's and its
   * volume's, where the level is to hold for them alone.
   */
  applyOptions(options: ReadonlyMap<string, string>, names: readonly string[] = []): void {
    const level = options.get('log-level') ?? options.get('brick-log-level');
    const number = level === undefined ? undefined : levelOf(level);
    if (level !== undefined && number === undefined) log.warning(0, `unknown log-level "${level}" ignored`);
    else if (names.length === 0) this.control.level = number ?? this.control.level;
    else if (!this.control.setLevels(names, number === this.control.level ? undefined : number)) {
      log.warning(0, `too many volumes with log levels of their own: that of ${names[0]} is ignored`);
    }
    const format = options.get('log-format');
    if (format !== undefined) this.control.withId = format !== 'no-msg-id';
    const size = Number(options.get('log-buf-size') ?? Number.NaN);
    if (size >= 0 && size <= 20) this.control.bufferSize = size;
    const timeout = Number(options.get('log-flush-timeout') ?? Number.NaN);
    if (timeout >= 30 && timeout <= 300) this.control.flushTimeoutS = timeout;
  }
}
