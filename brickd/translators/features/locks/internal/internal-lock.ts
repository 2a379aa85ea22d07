/** One inode or entry lock, from request to release. */
import { failure } from '../../../../../mux/xlator/fop-error.js';
import type { Client } from '../../../../../mux/xlator/inode.js';
import { assert } from '../../../../../native/assert.js';
import { now } from '../lock-text.js';

/**
 *   new ──► waiting ──► granted ──► gone
 *     └─────────────────►┘           ▲
 *              waiting ──────────────┘   refused
 */
export type LockState = 'new' | 'waiting' | 'granted' | 'gone';

const NEXT: Readonly<Record<LockState, readonly LockState[]>> = {
  new: ['waiting', 'granted'],
  waiting: ['granted', 'gone'],
  granted: ['gone'],
  gone: [],
};

export abstract class InternalLock {
  readonly client: Client;
  readonly owner: string;
  /** The calling process. */
  readonly pid: number;
  readonly connectionId: string;
  /** Index among waiting requests, then among granted locks. */
  order = 0;
  /** Seconds since the epoch; 0: never. */
  grantedAt = 0;
  blockedAt = 0;
  /** When its holder was last notified of contention (milliseconds, monotonic); below zero: never. */
  notifiedAt = Number.NEGATIVE_INFINITY;
  /** What it waits for. */
  blocker: InternalLock | null = null;
  /** Requests that wait for this one. */
  blocked: Set<InternalLock> | null = null;
  #state: LockState = 'new';
  #resolve: ((value: null) => void) | null = null;
  #reject: ((error: unknown) => void) | null = null;

  constructor(client: Client, owner: string, pid: number, connectionId: string) {
    this.client = client;
    this.owner = owner;
    this.pid = pid;
    this.connectionId = connectionId;
  }

  get state(): LockState {
    return this.#state;
  }

  become(state: LockState): void {
    assert(NEXT[this.#state].includes(state), 'a lock waits, is granted and goes, once each and in this order');
    this.#state = state;
    if (state === 'waiting') this.blockedAt = now();
    else if (state === 'granted') this.grantedAt = now();
  }

  /** For a lock that waits: resolves when {@link tellGranted} is called. */
  answered(): Promise<null> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }
  tellGranted(): void {
    this.#resolve?.(null);
  }
  tellRefused(errno: number): void {
    this.#reject?.(failure(errno));
  }

  sameOwner(other: InternalLock): boolean {
    return this.client === other.client && this.owner === other.owner;
  }
  /** Both can't be held, were they of different owners. */
  abstract conflicts(other: this): boolean;
  /** An unlock request for `other`. */
  abstract matches(other: this): boolean;
}
