/** A fop on its way through the scheduler, and the queue in which it may wait. T: the type of its tenant. */
import { defined } from '../../native/assert.js';
import type { FopEntry, Traffic } from '../xlator/fop-table.js';
import type { SchedulableFop } from './scheduling.js';

/** The scheduler of a fop from its arrival to its end; the brick may have another one, or none, by then. */
export interface FopScheduler<T> {
  /** A queued fop is about to be wound. */
  leaves(queued: QueuedFop<T>): void;
  /** An admitted fop has ended. */
  ended(queued: QueuedFop<T>): void;
}

export class QueuedFop<T> {
  readonly inFlight: SchedulableFop;
  readonly entry: FopEntry;
  readonly scheduler: FopScheduler<T>;
  tenant: T;
  /** The queue that it is in, or that its predecessor is in; null: it did not have to wait. */
  flow: Flow<T> | null = null;
  /** Bytes that it is charged for, and its cost when shares are measured. */
  bytes = 0;
  cost = 0;
  /** Bytes that it actually moved; -1: not known. */
  served = -1;
  /** When it began to wait: nanoseconds of nowNs. */
  sinceNs = 0;
  /** How long it has waited in the end. */
  waitedNs = 0;
  /** Fops that leave together with this one. */
  followers: QueuedFop<T>[] | null = null;

  constructor(inFlight: SchedulableFop, scheduler: FopScheduler<T>, tenant: T) {
    this.inFlight = inFlight;
    this.entry = inFlight.entry;
    this.scheduler = scheduler;
    this.tenant = tenant;
  }

  get heldBytes(): number {
    return this.inFlight.heldBytes;
  }

  /** Winds it, then the fops that were held behind it to keep their order. */
  proceed(): void {
    const { followers } = this;
    this.inFlight.proceed(this);
    if (followers === null) return;
    for (const follower of followers) {
      follower.waitedNs = this.waitedNs;
      follower.proceed();
    }
  }

  /** Drops it, and the fops behind it: their client has disconnected. */
  drop(): void {
    const { followers } = this;
    if (followers !== null) for (const follower of followers) follower.drop();
    this.inFlight.drop(this);
  }
}

/** The queued fops of one connection and tenant. */
export class Flow<T> {
  readonly tenant: T;
  /** Null: of all kinds. */
  readonly traffic: Traffic | null;
  #queue: QueuedFop<T>[] = [];
  #head = 0;

  constructor(tenant: T, traffic: Traffic | null = null) {
    this.tenant = tenant;
    this.traffic = traffic;
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }
  /** The first fop of a queue that is not empty. */
  get first(): QueuedFop<T> {
    return defined(this.#queue[this.#head], 'the first fop is asked for only of a flow that is not empty');
  }
  push(queued: QueuedFop<T>): void {
    this.#queue.push(queued);
  }
  shift(): QueuedFop<T> {
    const queued = this.first;
    this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#queue.length) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return queued;
  }
}
