/** The fops of a brick's clients that are not answered yet. */

import type { Call } from '../xlator/call.js';

/** The calls of a brick that wait for something; no Set, for the reason that native/queue.ts gives. In no order: a call leaves by the last one taking its place. */
export class PendingCalls {
  readonly #calls: Call[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: Call): void {
    if (call.pendingAt >= 0) return;
    call.pendingAt = this.#calls.length;
    this.#calls.push(call);
  }

  delete(call: Call): void {
    const at = call.pendingAt;
    if (at < 0) return;
    call.pendingAt = -1;
    const last = this.#calls.pop()!;
    if (last === call) return;
    this.#calls[at] = last;
    last.pendingAt = at;
  }

  /** The oldest `most` of them, as they came. */
  oldest(most: number): Call[] {
    return [...this.#calls].sort((a, b) => a.cameMs - b.cameMs).slice(0, most);
  }
}
