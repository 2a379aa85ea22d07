/**
 * The logger of translators and of everything below the daemon. Lines go to a process-wide sink that the daemon sets (a
 * file in Gluster's format, repetitions suppressed); without one, to standard error.
 */
import { getEnvironmentData } from 'node:worker_threads';
import { type ByteString, bytesOfText, latin1OfBytes } from '../../native/bytes.js';
import { printable } from './printable.js';

export interface Logger {
  /** msgid: Gluster's message number, 0 for a line without one. errno: its text is appended in brackets. */
  alert?(msgid: number, text: string, errno?: number): void;
  critical?(msgid: number, text: string, errno?: number): void;
  error(msgid: number, text: string, errno?: number): void;
  warning(msgid: number, text: string, errno?: number): void;
  info(msgid: number, text: string, errno?: number): void;
  debug(msgid: number, text: string, errno?: number): void;
  /** Whether debug lines are written: callers that log often need not format their text otherwise. */
  readonly debugs?: boolean;
}

/** Severities by Gluster's numbers: lower is worse. A sink passes a line when its number is at most the level set. */
export const Severity = {
  none: 0,
  emergency: 1,
  alert: 2,
  critical: 3,
  error: 4,
  warning: 5,
  notice: 6,
  info: 7,
  debug: 8,
  trace: 9,
} as const;
export type SeverityNumber = (typeof Severity)[keyof typeof Severity];

/** One line for the log. */
export interface LogLine {
  severity: SeverityNumber;
  /** Name of the translator or part of the daemon that speaks, e.g. "v-posix". */
  domain: string;
  msgid: number;
  text: string;
  /** 0 for none. */
  errno: number;
  /** The function whose caller is shown as the source location. */
  below: (...args: never[]) => unknown;
  /**
   * The line is one of a trace that an operator has asked for: it reports this function instead of a place, and is written however many
   * there are.
   */
  traced?: string;
}

export interface LogSink {
  /** Lines of this severity are wanted. Asked before anything is formatted. */
  wants(severity: SeverityNumber): boolean;
  write(line: LogLine): void;
}

const LETTERS = ' MACEWNIDT';

const toStandardError: LogSink = {
  wants: (severity) => severity <= Severity.info,
  write: (line) => {
    const text = printable(`${LETTERS[line.severity]} 0-${line.domain}: ${line.text}`);
    process.stderr.write(`${text}\n`, 'latin1');
  },
};

let sink: LogSink = toStandardError;

/** Sets the sink of this thread. */
export function setLogSink(next: LogSink): void {
  sink = next;
}

/** Key of the environment data under which the daemon leaves what its threads need to log: a {@link LogInheritance}. */
export const LOG_INHERITANCE = 'brickd.log';

/** module: URL of a module that exports `attachLog(handle)`; handle: structured-clonable. */
export interface LogInheritance {
  module: string;
  handle: unknown;
}

/** To be called first in a worker thread: logs to the daemon's log. Does nothing if there is no daemon. */
export async function inheritLog(): Promise<void> {
  const inheritance = getEnvironmentData(LOG_INHERITANCE) as LogInheritance | undefined;
  if (inheritance === undefined) return;
  const module = (await import(inheritance.module)) as { attachLog(handle: unknown): LogSink };
  setLogSink(module.attachLog(inheritance.handle));
}

/** A structured event as Gluster writes it: `Text [{key=value}, {key2=value2}]`. */
export function event(text: string, fields: Record<string, string | number | bigint | boolean | ByteString>): string {
  const parts = Object.entries(fields).map(([key, value]) => `{${key}=${value}}`);
  return parts.length === 0 ? text : `${text} [${parts.join(', ')}]`;
}

/** A Logger whose lines carry a domain. Cheap to make; keep one per module or translator. */
export class DomainLogger implements Logger {
  readonly domain: string;
  readonly #lines: 'bytes' | 'text';

  constructor(domain: string, lines: 'bytes' | 'text' = 'bytes') {
    this.domain = domain;
    this.#lines = lines;
  }
  get debugs(): boolean {
    return sink.wants(Severity.debug);
  }
  alert(msgid: number, text: string, errno = 0): void {
    this.#write(Severity.alert, msgid, text, errno, this.alert);
  }
  critical(msgid: number, text: string, errno = 0): void {
    this.#write(Severity.critical, msgid, text, errno, this.critical);
  }
  error(msgid: number, text: string, errno = 0): void {
    this.#write(Severity.error, msgid, text, errno, this.error);
  }
  warning(msgid: number, text: string, errno = 0): void {
    this.#write(Severity.warning, msgid, text, errno, this.warning);
  }
  info(msgid: number, text: string, errno = 0): void {
    this.#write(Severity.info, msgid, text, errno, this.info);
  }
  debug(msgid: number, text: string, errno = 0): void {
    this.#write(Severity.debug, msgid, text, errno, this.debug);
  }
  trace(msgid: number, text: string, errno = 0): void {
    this.#write(Severity.trace, msgid, text, errno, this.trace);
  }
  /** A line of a trace: see {@link LogLine.traced}. */
  traced(severity: SeverityNumber, what: string, text: string): void {
    if (!sink.wants(severity)) return;
    sink.write({ severity, domain: this.domain, msgid: 0, text, errno: 0, below: this.traced, traced: what });
  }

  #write(severity: SeverityNumber, msgid: number, line: string, errno: number, below: LogLine['below']): void {
    if (!sink.wants(severity)) return;
    const text = this.#lines === 'text' ? latin1OfBytes(bytesOfText(line)) : line;
    sink.write({ severity, domain: this.domain, msgid, text, errno, below });
  }
}

/** Lines are byte strings. */
export function loggerFor(domain: string): DomainLogger {
  return new DomainLogger(domain);
}

/** Lines are text of Node.js: for what has nothing to do with paths of bricks, such as the files that a configuration names. */
export function textLoggerFor(domain: string): DomainLogger {
  return new DomainLogger(domain, 'text');
}
