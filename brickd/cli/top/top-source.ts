/**
 * The data of `brickd top`: finds the brick processes of this node as Prometheus does, and reads their event streams.
 */
import { type ClientRequest, get as getHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { get as getHttps } from 'node:https';
import type { Frame } from '../../metrics/page/frame.js';
import { metricsSettings } from '../../metrics/settings.js';
import { livingTargets } from '../../metrics/target-file.js';
import { CommandError } from '../command-error.js';
import { brickPids } from '../statedump.js';
import type { Seen } from './top-text.js';

export interface Access {
  /** "user:password"; '' for none. */
  login: string;
  /** Takes any certificate. */
  insecure: boolean;
}

const UNIX = 'unix:';
const RETRY_MS = 2000;
/** Of one event: a frame of very many bricks stays far below. */
const LONGEST_EVENT = 16 << 20;

/** A check of what the user gives. Throws a CommandError. */
export function checkedUrl(text: string): string {
  if (text.startsWith(`${UNIX}/`)) return text;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new CommandError(`${text} is not an address: http://HOST:PORT, https://HOST:PORT or unix:/PATH`, 64);
}

/** Addresses of the processes of this node that serve their numbers. Throws a ConfigError if the configuration file is wrong. */
export function processesHere(): string[] {
  const { targetFile } = metricsSettings(undefined);
  const targets = targetFile === '' ? [] : livingTargets(targetFile);
  const known = new Set(targets.map((t) => t.pid));
  const sockets = brickPids()
    .filter((pid) => !known.has(pid))
    .flatMap((pid) => metricsSettings(undefined, process.env, pid).listen.filter((a) => a.kind === 'unix'));
  const paths = new Set(sockets.map((a) => `${UNIX}${a.path}`));
  return [...targets.map((t) => t.url), ...paths];
}

/** The stream of one process; opened again whenever it ends. */
export class Stream implements Seen {
  readonly where: string;
  readonly #access: Access;
  #request: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  frame: Frame | undefined;
  error = '';

  constructor(url: string, access: Access) {
    this.where = url;
    this.#access = access;
    this.#open();
  }

  /** Whether there is something to show: rates, or why there are none. */
  get settled(): boolean {
    return this.error !== '' || (this.frame?.span ?? 0) > 0;
  }

  #open(): void {
    const { login, insecure } = this.#access;
    const options: RequestOptions & { rejectUnauthorized?: boolean } = {
      headers: { accept: 'text/event-stream', host: 'brickd' },
      ...(login === '' ? {} : { auth: login }),
    };
    const take = (response: IncomingMessage): void => this.#take(response);
    if (this.where.startsWith(UNIX))
      this.#request = getHttp({ ...options, socketPath: this.where.slice(UNIX.length), path: '/live' }, take);
    else {
      const url = new URL('/live', this.where);
      options.headers = { accept: 'text/event-stream' };
      const secure = { ...options, rejectUnauthorized: !insecure };
      this.#request = url.protocol === 'https:' ? getHttps(url, secure, take) : getHttp(url, options, take);
    }
    this.#request.on('error', (error: NodeJS.ErrnoException) => this.#lost(error.message || error.code || 'no answer'));
  }

  #take(response: IncomingMessage): void {
    if (response.statusCode !== 200) {
      response.resume();
      const login = response.statusCode === 401 ? ': give --user, and BRICKD_PASSWORD in the environment' : '';
      this.#lost(`answers ${response.statusCode} ${response.statusMessage}${login}`);
      return;
    }
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      if (text.length > LONGEST_EVENT) response.destroy(new Error('tells something that is no frame'));
      for (const event of events) this.#event(event);
    });
    response.on('error', (error) => this.#lost(error.message));
    response.on('end', () => this.#lost('has ended'));
  }

  #event(event: string): void {
    const FRAME = 'event: frame\ndata: ';
    if (!event.startsWith(FRAME)) return;
    try {
      this.frame = JSON.parse(event.slice(FRAME.length)) as Frame;
      this.error = '';
    } catch {
      this.error = 'tells something that is no frame';
    }
  }

  #lost(why: string): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.error = why;
    this.frame = undefined;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#open();
    }, RETRY_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#request?.destroy();
  }
}

/** Password that goes with a user. */
export function passwordOf(user: string): string {
  const password = process.env['BRICKD_PASSWORD'];
  if (password === undefined) throw new CommandError('--user wants the password in the variable BRICKD_PASSWORD', 64);
  return `${user}:${password}`;
}
