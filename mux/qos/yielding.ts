/**
 * Makes background work (heal, rebalance) leave room for clients on a thread that is not saturated. Weights only count
 * when fops are queued; a heal that runs whenever nothing is queued takes processor, disk and pool from the clients
 * that come a moment later. So background work is followed by a pause, as long as its weight against that of the active
 * clients demands. Clients that use little of the thread cause short pauses, and no active clients none.
 */

/** What a fop of work 1 takes of the process when it comes alone, as those of a heal do. */
const WORK_NS = 40_000;
/** Time that clients' use of the thread is averaged over. */
const MEMORY_NS = 100e6;
/** Use of the thread at which clients are owed all of the pause. */
const BUSY = 0.6;
/** A pause shorter than that is saved up: timers are no finer. */
const GRAIN_NS = 0.5e6;

export class Yielding {
  #level = 0;
  #levelNs = 0;
  #clientWeight = 1;
  #untilNs = 0;

  /** A client's fop went down. weight: of its volume times that of its tenant in it. */
  client(now: number, work: number, weight: number): void {
    this.#level = this.#levelAt(now) + (work * WORK_NS) / MEMORY_NS;
    this.#levelNs = now;
    this.#clientWeight = weight;
  }

  /** A fop of the background went down. */
  background(now: number, work: number, weight: number): void {
    const owed = Math.min(1, this.#levelAt(now) / BUSY);
    const pause = work * WORK_NS * (this.#clientWeight / weight) * owed;
    this.#untilNs = Math.max(now, this.#untilNs) + pause;
  }

  /** Nanoseconds until the background may go on; 0: now. */
  waitNs(now: number): number {
    const wait = this.#untilNs - now;
    return wait < GRAIN_NS ? 0 : wait;
  }

  /** Share of the thread that clients have lately used. */
  #levelAt(now: number): number {
    const passed = now - this.#levelNs;
    return passed > 10 * MEMORY_NS ? 0 : this.#level * Math.exp(-passed / MEMORY_NS);
  }
}
