/**
 * Pipes that lend pages of the page cache to a socket: a large read goes from the file to the client without being copied. What a
 * pipe holds is the file's own memory: like the kernel's NFS server, a read that is sent while somebody writes the same bytes may have some
 * from before and some from after that.
 */
import { addon } from './addon.js';

/** What one pipe holds: as much as a process without privileges may ask for. */
export const PIPE_BYTES = 1 << 20;
/** Pipes of a thread that may be full at once, and those that it keeps for the next ones. */
const MOST = 32;
const KEPT = 4;
/** After the system has refused one, it is asked again after this time. */
const REFUSED_MS = 10_000;

const idle: Pipe[] = [];
let made = 0;
let askAgainMs = 0;

/** One that holds, or will, the bytes of one reply. */
export class Pipe {
  /** What native code takes for the address of a piece that lies in the pipe. */
  readonly address: number;
  /** Where a batch splices into. */
  readonly writeFd: number;
  readonly #readFd: number;

  constructor(ends: [number, number]) {
    [this.#readFd, this.writeFd] = ends;
    this.address = -1 - this.#readFd;
  }

  /** It has been emptied (or was never filled). */
  sent(): void {
    if (idle.length < KEPT) idle.push(this);
    else this.release();
  }

  /** Drops it with what it still holds. */
  release(): void {
    made--;
    addon.closeFd(this.#readFd);
    addon.closeFd(this.writeFd);
  }
}

/** An empty pipe; null when there are enough, or the system gives none. */
export function emptyPipe(): Pipe | null {
  const kept = idle.pop();
  if (kept !== undefined) return kept;
  if (made >= MOST || performance.now() < askAgainMs) return null;
  const ends = addon.pipe(PIPE_BYTES);
  if (typeof ends === 'number') {
    askAgainMs = performance.now() + REFUSED_MS;
    return null;
  }
  made++;
  return new Pipe(ends);
}

/** Closes those that are kept (an idle worker gives descriptors back). */
export function trimPipes(): void {
  for (const pipe of idle.splice(0)) pipe.release();
}

/** Pipes that exist. */
export const pipeCount = (): number => made;
