/**
 * Where the time of a fop goes. A fop that is quick leaves no trace here: only the points where one really waits (a tenant's queue, a
 * lock, a barrier, the pool) tell its {@link Call}, and only waits that are long are kept.
 */
import { type BatchTimes, LONG_BATCH_MS } from '../../native/batch-times.js';

/**
 * connection: received, or in the socket, while the connection was not read. groups: for the groups of its user. qos: in a tenant's queue. pool:
 * for a thread, or for what was before it on the same file. disk: in a system call. other: none of these; the event loop was busy.
 */
export const WAIT_PLACES = [
  'connection',
  'groups',
  'qos',
  'lock',
  'lease',
  'barrier',
  'quota',
  'pool',
  'disk',
  'replies',
  'other',
] as const;
export type WaitPlace = (typeof WAIT_PLACES)[number];

/** Time that a fop has waited at one place. */
export interface Waited {
  place: WaitPlace;
  /** For whom or what: the holder of a lock, a tenant, a system call. */
  detail: string;
  ms: number;
}

/** Shorter waits are not kept. */
export const LONG_WAIT_MS = LONG_BATCH_MS;
/** Waits kept of a fop: what differs in place or detail. */
const MOST_KEPT = 12;

/** A wait that is under way. */
export class Wait {
  readonly place: WaitPlace;
  readonly #whom: () => string;
  readonly #sinceMs = performance.now();
  #seen: string = '';

  /** whom: for whom it waits, as far as it is known when that is asked. */
  constructor(place: WaitPlace, whom: () => string) {
    this.place = place;
    this.#whom = whom;
  }

  /** As it is now. Who was in the way while it lasted is remembered: in the end that one may have gone. */
  now(): Waited {
    return this.#after(performance.now() - this.#sinceMs);
  }

  /** It is over. Null: it was short, and it does not matter whom it was for. */
  over(): Waited | null {
    const ms = performance.now() - this.#sinceMs;
    return ms < LONG_WAIT_MS ? null : this.#after(ms);
  }

  #after(ms: number): Waited {
    if (this.#seen === '') this.#seen = this.#whom();
    return { place: this.place, detail: this.#seen, ms };
  }
}

/** Adds a wait to others. */
export function addWait(waits: Waited[], { place, detail, ms }: Waited): void {
  const same = waits.find((w) => w.place === place && w.detail === detail);
  if (same !== undefined) same.ms += ms;
  else if (waits.length < MOST_KEPT) waits.push({ place, detail, ms });
}

/** The waits that a batch of system calls was. */
export function waitsOfBatch({ queuedMs, ranMs, call, callMs }: BatchTimes): Waited[] {
  const waits: Waited[] = [];
  if (queuedMs >= LONG_WAIT_MS) waits.push({ place: 'pool', detail: '', ms: queuedMs });
  if (ranMs < LONG_WAIT_MS) return waits;
  // What the pool has not seen as one long call was several short ones.
  const mostly = callMs * 2 >= ranMs;
  waits.push({ place: 'disk', detail: call, ms: mostly ? ranMs : callMs });
  if (!mostly) waits.push({ place: 'disk', detail: '', ms: ranMs - callMs });
  return waits.filter((w) => w.ms > 0);
}
