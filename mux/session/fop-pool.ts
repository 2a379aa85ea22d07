/** A free list of FopInFlight objects. */
import { FopInFlight } from './fop-in-flight.js';

/** Fops kept: more are seldom in progress at once. */
const MAX_FREE = 256;

export class FopPool {
  readonly #free: FopInFlight[] = [];

  take(): FopInFlight {
    return this.#free.pop() ?? new FopInFlight(this.#give);
  }

  readonly #give = (fop: FopInFlight): void => {
    if (this.#free.length < MAX_FREE) this.#free.push(fop);
  };
}
