/**
 * Fops of one connection that wait until the groups of their users are known. A fop on an fd for which another one
 * waits stays behind it, whoever calls, to keep the order of that fd; others go ahead.
 */
import { fdsOf } from '../qos/queue.js';
import type { FopInFlight } from './fop-in-flight.js';

/** Number and bytes of data at which reading from the connection pauses. */
const MAX_HELD_FOPS = 64;
const MAX_HELD_BYTES = 16 << 20;

export class HeldFops {
  #held: FopInFlight[] = [];
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
    return fds.length > 0 && this.#held.some((fop) => fdsOf(fop.request).some((fd) => fds.includes(fd)));
  }

  /** Adds a fop, and keeps its data. */
  hold(fop: FopInFlight): void {
    fop.waits();
    fop.keep();
    fop.chargeItself();
    this.#held.push(fop);
    this.#bytes += fop.heldBytes;
  }

  /** The groups of a user are known: returns, in order, the fops that need not wait any longer. */
  known(uid: number): FopInFlight[] {
    const ready: FopInFlight[] = [];
    const all = this.#held;
    this.#held = [];
    for (const fop of all) {
      if (fop.call.uid === uid) fop.groupsKnown = true;
      if (!fop.groupsKnown || this.blocks(fop.request)) {
        this.#held.push(fop);
      } else {
        ready.push(fop);
        this.#bytes -= fop.heldBytes;
      }
    }
    return ready;
  }

  /** Returns all fops, because the connection has closed. */
  takeAll(): FopInFlight[] {
    const all = this.#held;
    this.#held = [];
    this.#bytes = 0;
    return all;
  }
}
