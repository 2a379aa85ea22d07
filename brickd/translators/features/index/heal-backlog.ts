/** How many files wait for healing, for metrics: counted now and then while somebody asks, apart from fops and bounded. */
import { background } from '../../../../mux/base/fault.js';
import type { Logger } from '../../../../mux/base/log.js';
import { FopError } from '../../../../mux/xlator/fop-error.js';
import type { IndexStore } from './index-store.js';

/** Entries that are counted one by one at most. */
const MOST_COUNTED = 50_000;
/** After how long it is counted anew, and after how long if there are many. */
const FRESH_MS = 5000;
const MANY = 5000;
const MANY_FRESH_MS = 60_000;

export class HealBacklog {
  readonly #store: Pick<IndexStore, 'backlog'>;
  readonly #log: Logger;
  #value: number | null = null;
  #countedMs = Number.NEGATIVE_INFINITY;
  #counting = false;

  constructor(store: Pick<IndexStore, 'backlog'>, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** As it was counted last; null before that. A new count begins if that is too long ago. */
  value(nowMs: number): number | null {
    const freshMs = (this.#value ?? 0) > MANY ? MANY_FRESH_MS : FRESH_MS;
    if (!this.#counting && nowMs - this.#countedMs >= freshMs) {
      this.#counting = true;
      background(this.#count(), this.#log, 'counting the files that wait for healing');
    }
    return this.#value;
  }

  async #count(): Promise<void> {
    try {
      this.#value = await this.#store.backlog('xattrop', MOST_COUNTED);
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
      // A number of old would look like one of now.
      this.#value = null;
    } finally {
      this.#countedMs = performance.now();
      this.#counting = false;
    }
  }
}
