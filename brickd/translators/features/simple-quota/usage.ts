/**
 * The space that one namespace takes on this brick, and the limit on it. Fops that may take space reserve it first, so that
 * those in progress at the same time can't all pass a check that only one of them would.
 */
import type { Gfid } from '../../../../mux/xlator/gfid.js';
import { assert } from '../../../../native/assert.js';

interface Waiter {
  readonly bytes: number;
  readonly resolve: (granted: boolean) => void;
}

export class Usage {
  readonly gfid: Gfid;
  readonly key: string;
  /** Bytes that the namespace may take in the whole volume; 0: as many as it likes. */
  #limit = 0;
  /** Bytes counted on this brick. */
  #used: number;
  /** What the xattr of the namespace's root says. */
  stored: number;
  /** The write of that xattr that is in progress. */
  storing: Promise<void> | null = null;
  /** The last reported total of the volume, and the count of this brick at that time. Null: this brick is the only one. */
  #told: { total: number; used: number } | null = null;
  /** What was counted when the quota helper last asked; null: not since it last told a total. */
  #asked: number | null = null;
  #reserved = 0;
  readonly #waiting: Waiter[] = [];

  constructor(gfid: Gfid, key: string, stored: number, limit: number) {
    this.gfid = gfid;
    this.key = key;
    this.#used = Math.max(stored, 0);
    this.stored = stored;
    this.#limit = Math.max(limit, 0);
  }

  get used(): number {
    return this.#used;
  }
  get limit(): number {
    return this.#limit;
  }
  get reserved(): number {
    return this.#reserved;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Bytes used in the whole volume as far as this brick knows: the last reported total and its own changes since. */
  get total(): number {
    return this.#told === null ? this.#used : Math.max(this.#told.total + this.#used - this.#told.used, 0);
  }

  setLimit(bytes: number): void {
    this.#limit = Math.max(bytes, 0);
    this.#serve();
  }

  /** Counts a change. What was there before anything was counted may go, too: less than nothing is not used. */
  charge(bytes: number): void {
    this.#used = Math.max(this.#used + bytes, 0);
  }

  /** Forgets what was counted since the xattr was written by somebody else. */
  reset(stored: number): void {
    this.#used = Math.max(stored, 0);
    this.stored = stored;
    if (this.#told !== null) this.#told.used = this.#used;
    this.#asked = null;
    this.#serve();
  }

  /** The quota helper takes what is used here now, to tell the total of all bricks soon. */
  ask(): void {
    this.#asked = this.#used;
  }

  /** The quota helper reports the total of all bricks, without changes since it asked. */
  tell(total: number): void {
    this.#told = { total, used: this.#asked ?? this.#used };
    this.#asked = null;
    this.#serve();
  }

  /**
   * Reserves space until {@link release}. False where that would exceed the limit; waits where only fops in progress are in the
   * way, which may turn out to take less. enforced: false reserves in any case.
   */
  reserve(bytes: number, enforced: boolean): boolean | Promise<boolean> {
    if (enforced && this.#limit > 0) {
      if (this.total + bytes > this.#limit) return false;
      if (this.#waiting.length > 0 || this.total + this.#reserved + bytes > this.#limit) {
        return new Promise((resolve) => this.#waiting.push({ bytes, resolve }));
      }
    }
    this.#reserved += bytes;
    return true;
  }

  /** The fop has ended, and what it took is counted. */
  release(bytes: number): void {
    this.#reserved -= bytes;
    assert(this.#reserved >= 0, 'no more space is released than was reserved');
    if (this.#waiting.length > 0) this.#serve();
  }

  /** Grants or refuses queued fops, in order, as far as that is known. */
  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { bytes, resolve } = first;
      const refused = this.#limit > 0 && this.total + bytes > this.#limit;
      if (!refused && this.#limit > 0 && this.#reserved > 0 && this.total + this.#reserved + bytes > this.#limit)
        return;
      this.#waiting.shift();
      if (!refused) this.#reserved += bytes;
      resolve(!refused);
    }
  }
}
