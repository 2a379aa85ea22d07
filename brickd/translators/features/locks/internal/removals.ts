/**
 * Removals of one inode (unlink, rmdir, rename over it) against inode locks: a removal waits while other clients hold
 * inode locks for applications, and while it waits or runs, applications get no new ones.
 */
import type { Client } from '../../../../../mux/xlator/inode.js';
import { assert } from '../../../../../native/assert.js';

interface WaitingRemoval {
  client: Client;
  go: () => void;
}

export class InodeRemovals {
  #running = 0;
  #waiting: WaitingRemoval[] | null = null;

  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#waiting?.length ?? 0;
  }

  started(): void {
    this.#running++;
  }

  /** True: none is left, neither in progress nor waiting. */
  ended(): boolean {
    this.#running--;
    assert(this.#running >= 0, 'a removal ends once');
    return this.#running === 0 && this.waiting === 0;
  }

  /** Resolves when {@link release} finds that it may start; it counts as started then. */
  wait(client: Client): Promise<void> {
    return new Promise((go) => {
      this.#waiting ??= [];
      this.#waiting.push({ client, go });
    });
  }

  /** Starts requests that need not wait any longer. */
  release(mayStart: (client: Client) => boolean): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const ready = waiting.filter((removal) => mayStart(removal.client));
    if (ready.length === 0) return;
    this.#waiting = ready.length === waiting.length ? null : waiting.filter((removal) => !ready.includes(removal));
    // Counted from now on, so that no lock slips in before the removal starts.
    this.#running += ready.length;
    for (const removal of ready) removal.go();
  }
}
