/**
 * Fops of one connection that wait until the groups of their users are known. A fop that names an fd for which one waits stays
 * behind it, whoever calls, so that the order of one fd is kept; others go ahead.
 */
import { type Ask, fdsOf } from '../qos/queue.js';

/** With so many, or so many bytes of data, the connection is not read any further. */
const MAX_HELD_FOPS = 64;
const MAX_HELD_BYTES = 16 << 20;

interface Held {
  ask: Ask;
  /** Its user's groups are not known yet. */
  unknown: boolean;
}

export class HeldFops {
  #held: Held[] = [];
  #bytes = 0;

  get count(): number {
    return this.#held.length;
  }

  get full(): boolean {
    return this.#held.length >= MAX_HELD_FOPS || this.#bytes >= MAX_HELD_BYTES;
  }

  /** Whether a fop must stay behind one that waits, because of an fd that both name. */
  blocks(request: unknown): boolean {
    const fds = fdsOf(request);
    return fds.length > 0 && this.#held.some(({ ask }) => fdsOf(ask.request).some((fd) => fds.includes(fd)));
  }

  /** Takes a fop, and keeps its data. */
  hold(ask: Ask, unknown: boolean): void {
    ask.keep();
    this.#held.push({ ask, unknown });
    this.#bytes += ask.heldBytes;
  }

  /** The groups of a user are known now: gives back, in their order, the fops that need not wait any longer. */
  known(uid: number): Ask[] {
    const ready: Ask[] = [];
    const all = this.#held;
    this.#held = [];
    for (const held of all) {
      if (held.ask.call.uid === uid) held.unknown = false;
      if (held.unknown || this.blocks(held.ask.request)) {
        this.#held.push(held);
      } else {
        ready.push(held.ask);
        this.#bytes -= held.ask.heldBytes;
      }
    }
    return ready;
  }

  /** Gives back everything: the connection is over. */
  takeAll(): Ask[] {
    const all = this.#held.map((held) => held.ask);
    this.#held = [];
    this.#bytes = 0;
    return all;
  }
}
