/**
 * What happens at the end of a turn of the event loop: work that was collected during the turn is handed on together.
 *
 *   callbacks of the turn
 *     |  promises that they have settled
 *     |    1. writes    those to one file become one batch           microtask
 *     |    2. batches   each queue's go to the pool at one wake-up   the microtask after the next: those of step 1 are among them
 *     v    3. replies   each connection's go out by one send         when no promise is left to go on
 *
 * A step runs at the same time for all that collect for it, however many they are: one entry in the engine's queue a turn.
 */

/** Collects work during a turn and hands it on at its end. */
export interface Collector {
  endOfTurn(): void;
}

export class TurnStep {
  readonly #schedule: (run: () => void) => void;
  #waiting: (Collector | null)[] = [];
  #count = 0;
  /** Of the turn before, for the next one: arrays are kept, with their memory. */
  #spare: (Collector | null)[] = [];

  constructor(schedule: (run: () => void) => void) {
    this.#schedule = schedule;
  }

  /** To be called once per turn by a collector that has something. */
  add(collector: Collector): void {
    const at = this.#count++;
    this.#waiting[at] = collector;
    if (at === 0) this.#schedule(this.#run);
  }

  readonly #run = (): void => {
    const waiting = this.#waiting;
    const count = this.#count;
    this.#waiting = this.#spare;
    this.#spare = waiting;
    this.#count = 0;
    for (let i = 0; i < count; i++) {
      const collector = waiting[i];
      waiting[i] = null;
      try {
        collector?.endOfTurn();
      } catch (thrown) {
        // The other collectors are not affected.
        setImmediate(() => {
          throw thrown;
        });
      }
    }
  };
}

export const endOfTurn = {
  writes: new TurnStep((run) => queueMicrotask(run)),
  batches: new TurnStep((run) => queueMicrotask(() => queueMicrotask(run))),
  replies: new TurnStep((run) => process.nextTick(run)),
};
