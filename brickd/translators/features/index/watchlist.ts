/** The xattrs that mark files which await healing, and what their values mean. */
import { type Dict, valueBytes } from '../../../../mux/xlator/dict.js';

/** The three indices, by the names of their directories. */
export const INDICES = ['xattrop', 'dirty', 'entry-changes'] as const;
export type IndexName = (typeof INDICES)[number];

/** What values of watched xattrs say of the two indices that go by them: undefined where none was there. */
export interface HealState {
  /** True: some value is not zero. False: all are. */
  xattrop: boolean | undefined;
  dirty: boolean | undefined;
}

export class Watchlist {
  readonly #dirty: readonly string[];
  readonly #pending: readonly string[];

  /** Names, or beginnings of names. */
  constructor(dirty: readonly string[], pending: readonly string[]) {
    this.#dirty = dirty;
    this.#pending = pending;
  }

  get hasDirty(): boolean {
    return this.#dirty.length > 0;
  }

  indexOf(key: string): 'xattrop' | 'dirty' | null {
    if (this.#dirty.some((watched) => key.startsWith(watched))) return 'dirty';
    return this.watchesPending(key) ? 'xattrop' : null;
  }

  watchesPending(key: string): boolean {
    return this.#pending.some((watched) => key.startsWith(watched));
  }

  /** Some key of a request is watched. */
  watches(dict: Dict, pendingOnly: boolean): boolean {
    for (const key of dict.map.keys()) {
      if (pendingOnly ? this.watchesPending(key) : this.indexOf(key) !== null) return true;
    }
    return false;
  }

  stateOf(dict: Dict, pendingOnly = false): HealState {
    const state: HealState = { xattrop: undefined, dirty: undefined };
    for (const [key, value] of dict.map) {
      if (pendingOnly && !this.watchesPending(key)) continue;
      const index = this.indexOf(key);
      if (index === null) continue;
      const zero = valueBytes(value)?.some((byte) => byte !== 0) !== true;
      if (!zero) state[index] = true;
      else state[index] ??= false;
    }
    return state;
  }
}
