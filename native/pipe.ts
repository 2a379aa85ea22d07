/**
 * Pipes that lend page cache pages to a socket, so that a large read is sent without being copied. A pipe refers to the
 * file's own pages: as with the kernel's NFS server, a reply that is sent while another client writes the same bytes
 * may have some of them from before and some from after that write.
 */
import { addon } from './addon.js';
import { assert } from './assert.js';

/** What one pipe holds: as much as a process without privileges may ask for. */
export const PIPE_BYTES = 1 << 20;
/** Pipes of a thread that may be in use at once, and pipes that it keeps for reuse. */
const MOST = 32;
const KEPT = 4;
/** After the system has refused one, it is asked again after this time. */
const REFUSED_MS = 10_000;

const idle: Pipe[] = [];
let made = 0;
let askAgainMs = 0;

/** Lent to a reply. */
const LENT = 0;
const IDLE = 1;
const CLOSED = 2;

/** A pipe that holds the bytes of one reply, or is about to. */
export class Pipe {
  /** What native code takes for the address of a piece that lies in the pipe. */
  readonly address: number;
  /** Where a batch splices into. */
  readonly writeFd: number;
  readonly #readFd: number;
  #state: typeof LENT | typeof IDLE | typeof CLOSED = LENT;

  constructor(ends: [number, number]) {
    [this.#readFd, this.writeFd] = ends;
    this.address = -1 - this.#readFd;
  }

  /** Bytes that it holds at most. */
  get capacity(): number {
    return PIPE_BYTES;
  }

  /** It has been emptied (or was never filled). */
  sent(): void {
    assert(this.#state === LENT, 'a pipe is given back once, by whom it was lent to');
    if (idle.length >= KEPT) {
      this.release();
      return;
    }
    this.#state = IDLE;
    idle.push(this);
  }

  /** Drops it with what it still holds. */
  release(): void {
    assert(this.#state !== CLOSED, 'a pipe is closed once');
    this.#state = CLOSED;
    made--;
    assert(made >= 0, 'pipes that are closed were made');
    addon.closeFd(this.#readFd);
    addon.closeFd(this.writeFd);
  }

  /** For {@link emptyPipe} only: one that was idle. */
  lend(): this {
    assert(this.#state === IDLE, 'a pipe that was kept is idle');
    this.#state = LENT;
    return this;
  }
}

/** An empty pipe; null when there are enough, or the system gives none. */
export function emptyPipe(): Pipe | null {
  const kept = idle.pop();
  if (kept !== undefined) return kept.lend();
  if (made >= MOST || performance.now() < askAgainMs) return null;
  const ends = addon.pipe(PIPE_BYTES);
  if (typeof ends === 'number') {
    askAgainMs = performance.now() + REFUSED_MS;
    return null;
  }
  made++;
  return new Pipe(ends);
}

/** Closes the pipes kept for reuse (an idle worker frees descriptors). */
export function trimPipes(): void {
  for (const pipe of idle.splice(0)) pipe.release();
}

/** Pipes that exist. */
export const pipeCount = (): number => made;
