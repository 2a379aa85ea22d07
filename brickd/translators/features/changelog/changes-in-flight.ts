/** Changes in progress. One can wait for all that had begun at some moment. */
import { assert } from '../../../../native/assert.js';

/** The changes that began between two moments. */
export class Generation {
  #count = 0;
  #onEmpty: (() => void) | null = null;

  get count(): number {
    return this.#count;
  }

  begin(): void {
    this.#count++;
  }

  /** Of one change: it is recorded, or was not made. */
  end(): void {
    assert(this.#count > 0, 'no more changes end than have begun');
    if (--this.#count === 0) this.#onEmpty?.();
  }

  ended(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }
}

export class ChangesInFlight {
  #current = new Generation();
  #draining: Promise<unknown> = Promise.resolve();

  /** Of a change that begins now. */
  begin(): Generation {
    this.#current.begin();
    return this.#current;
  }

  /** Resolves when all changes that have begun so far have ended. */
  drained(): Promise<void> {
    const old = this.#current;
    this.#current = new Generation();
    const drained = this.#draining.then(() => old.ended());
    this.#draining = drained;
    return drained;
  }
}
