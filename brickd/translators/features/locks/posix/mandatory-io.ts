/** Reads and writes of one inode under mandatory locking: those in progress, and those that wait for locks. */
import { failure } from '../../../../../mux/xlator/fop-error.js';
import type { Client } from '../../../../../mux/xlator/inode.js';
import { assert } from '../../../../../native/assert.js';
import { EAGAIN } from '../../../../../native/errno.js';
import { type IoRegion, ioAllowed, type MandatoryMode } from './mandatory.js';
import type { PosixLocks } from './posix-locks.js';

interface WaitingIo {
  io: IoRegion;
  go: () => void;
  reject: (error: unknown) => void;
}

export class MandatoryIo {
  /** Only the owner of a lock may read or write the file; null: not known. */
  enforced: boolean | null = null;
  #running = 0;
  #onDrained: (() => void)[] = [];
  #queue: WaitingIo[] = [];

  started(): void {
    this.#running++;
  }

  ended(): void {
    this.#running--;
    assert(this.#running >= 0, 'a read or write ends once');
    if (this.#running > 0) return;
    const waiting = this.#onDrained;
    this.#onDrained = [];
    for (const go of waiting) go();
  }

  /** Resolves when no read or write is in progress. */
  drained(): Promise<void> | undefined {
    if (this.#running === 0) return undefined;
    return new Promise((go) => {
      this.#onDrained.push(go);
    });
  }

  /** Resolves when no lock is in the way any more. */
  wait(io: IoRegion): Promise<void> {
    return new Promise((go, reject) => {
      this.#queue.push({ io, go, reject });
    });
  }

  /** Lets go what has become possible. */
  wake(posix: PosixLocks, mode: MandatoryMode): void {
    if (this.#queue.length === 0) return;
    const queue = this.#queue;
    this.#queue = [];
    for (const waiting of queue) {
      if (mode === 'off' || ioAllowed(posix, waiting.io, mode === 'optimal')) waiting.go();
      else this.#queue.push(waiting);
    }
  }

  dropClient(client: Client): void {
    const gone = this.#queue.filter((w) => w.io.client === client);
    this.#queue = this.#queue.filter((w) => w.io.client !== client);
    for (const waiting of gone) waiting.reject(failure(EAGAIN));
  }

  /** Fails all that waits. */
  refuse(errno: number): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const waiting of queue) waiting.reject(failure(errno));
  }
}
