/** Notifies holders of inode and entry locks that others wait for them. */
import type { Inode } from '../../../../../mux/xlator/inode.js';
import type { BrickContext, Upcall } from '../../../../../mux/xlator/translator.js';
import type { InternalLock } from './internal-lock.js';
import type { EntryLock, InodeLock } from './internal-locks.js';

export interface ContentionHost {
  readonly brick: BrickContext;
  /** Milliseconds between two notices of one lock; null: none is sent. */
  readonly noticeEveryMs: number | null;
}

export class Contention {
  readonly #inode: Inode;
  readonly #host: ContentionHost;

  constructor(inode: Inode, host: ContentionHost) {
    this.#inode = inode;
    this.#host = host;
  }

  get noticesSent(): boolean {
    return this.#host.noticeEveryMs !== null;
  }

  inodeLockWanted(held: InodeLock, domain: string): void {
    if (!this.#due(held)) return;
    const { pid, flock } = held;
    this.#tell(held, { kind: 'inodelk-contention', inode: this.#inode, pid, flock, domain });
  }

  entryLockWanted(held: EntryLock, domain: string): void {
    if (!this.#due(held)) return;
    const { pid, name, type } = held;
    this.#tell(held, { kind: 'entrylk-contention', inode: this.#inode, pid, name, type, domain });
  }

  #due(held: InternalLock): boolean {
    const every = this.#host.noticeEveryMs;
    if (every === null || !held.client.alive) return false;
    const at = performance.now();
    if (at - held.notifiedAt < every) return false;
    held.notifiedAt = at;
    return true;
  }

  /** After this turn: a lock that is given back meanwhile needs no notice. */
  #tell(held: InternalLock, notice: Upcall): void {
    const { brick } = this.#host;
    queueMicrotask(() => {
      if (held.state === 'granted') brick.upcall(held.client, notice);
    });
  }
}
