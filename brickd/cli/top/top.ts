/**
 * `brickd top`: the activity of this node's brick processes, live in a terminal; the same numbers as on their status
 * pages.
 */
import { CommandError } from '../command-error.js';
import { type Access, checkedUrl, passwordOf, processesHere, Stream } from './top-source.js';
import { SORTS, type Sort, topLines } from './top-text.js';

export interface TopOptions {
  /** Addresses of processes; none: those of this node. */
  url: string[];
  once: boolean;
  sort: Sort;
  user: string | undefined;
  insecure: boolean;
}

const PERIOD_MS = 1000;
/** Between two looks for processes that have come or gone. */
const SEARCH_MS = 5000;
/** How long `--once` waits for the first rates. */
const ONCE_MS = 5000;
/** Where nothing tells the size of a terminal. */
const COLUMNS = 160;
const ENTER = '\x1b[?1049h\x1b[?25l';
/** What Ctrl-C types once the terminal hands on every key. */
const INTERRUPT = '\x03';
const LEAVE = '\x1b[?25h\x1b[?1049l';

const NONE = `no process of brickd on this node tells its numbers: set BRICKD_METRICS or metrics.listen in /etc/brickd/brickd.yaml, \
or say where with --url (brickd serve: http://127.0.0.1:24101)`;

class Top {
  readonly #options: TopOptions;
  readonly #access: Access;
  readonly #streams = new Map<string, Stream>();
  #sort: Sort;

  constructor(options: TopOptions) {
    this.#options = options;
    this.#sort = options.sort;
    const login = options.user === undefined ? '' : passwordOf(options.user);
    this.#access = { login, insecure: options.insecure };
  }

  /** Opens streams of processes that are new, and closes those of which nothing is left. */
  search(): void {
    const { url } = this.#options;
    const found = new Set(url.length > 0 ? url.map(checkedUrl) : processesHere());
    for (const where of found) {
      if (!this.#streams.has(where)) this.#streams.set(where, new Stream(where, this.#access));
    }
    for (const [where, stream] of this.#streams) {
      if (found.has(where)) continue;
      stream.close();
      this.#streams.delete(where);
    }
  }

  get found(): number {
    return this.#streams.size;
  }

  get settled(): boolean {
    return [...this.#streams.values()].every((s) => s.settled);
  }

  /** Whether any process has told its numbers. */
  get told(): boolean {
    return [...this.#streams.values()].some((s) => s.frame !== undefined);
  }

  nextSort(): void {
    this.#sort = SORTS[(SORTS.indexOf(this.#sort) + 1) % SORTS.length] ?? SORTS[0];
  }

  lines(columns: number, rows: number, styled: boolean): string[] {
    if (this.#streams.size === 0) return [NONE];
    return topLines([...this.#streams.values()], { columns, rows, sort: this.#sort, styled });
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Ends when interrupted, by q, or when nobody reads what it prints. Throws a CommandError when there is nothing to show. */
export async function top(options: TopOptions): Promise<void> {
  const view = new Top(options);
  try {
    view.search();
    if (view.found === 0 && (options.once || !process.stdout.isTTY)) throw new CommandError(NONE);
    if (options.once) await once(view);
    else await live(view);
  } finally {
    view.close();
  }
}

async function once(view: Top): Promise<void> {
  const end = performance.now() + ONCE_MS;
  while (!view.settled && performance.now() < end) await pause(20);
  const columns = process.stdout.columns ?? COLUMNS;
  process.stdout.write(`${view.lines(columns, Number.POSITIVE_INFINITY, false).join('\n')}\n`);
  if (!view.told) process.exitCode = 1;
}

async function live(view: Top): Promise<void> {
  const { stdin, stdout } = process;
  const screen = stdout.isTTY === true;
  let ended = false;
  let wake = (): void => {};
  const stop = (): void => {
    ended = true;
    wake();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  stdout.on('error', stop);
  stdout.on('resize', () => wake());
  const keys = screen && stdin.isTTY;
  if (keys) {
    stdin.setRawMode(true);
    stdin.on('data', (key) => {
      const text = key.toString('latin1');
      if (text.includes('q') || text.includes(INTERRUPT)) stop();
      if (text.includes('s')) view.nextSort();
      wake();
    });
  }
  if (screen) stdout.write(ENTER);
  try {
    let searchedAt = performance.now();
    while (!ended) {
      if (performance.now() - searchedAt > SEARCH_MS) {
        view.search();
        searchedAt = performance.now();
      }
      show(view, screen);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PERIOD_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    if (screen) stdout.write(LEAVE);
    if (keys) {
      stdin.setRawMode(false);
      stdin.pause();
    }
  }
}

function show(view: Top, screen: boolean): void {
  const { stdout } = process;
  if (!screen) {
    // The first rates need a moment.
    if (view.settled || view.found === 0)
      stdout.write(`${view.lines(COLUMNS, Number.POSITIVE_INFINITY, false).join('\n')}\n\n`);
    return;
  }
  const lines = view.lines(stdout.columns, stdout.rows - 1, true);
  const hint = '\x1b[2mq ends, s sorts bricks by another column\x1b[0m';
  stdout.write(`\x1b[H${lines.map((line) => `${line}\x1b[K\r\n`).join('')}\x1b[J\x1b[${stdout.rows};1H${hint}`);
}
