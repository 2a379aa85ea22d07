/** Tenants at run time: rates, queued fops and counters; and the volumes and disks that they share. */
import { assert, defined } from '../../native/assert.js';
import type { Bucket } from './bucket.js';
import type { Ceilings } from './ceilings.js';
import type { Flow, QueuedFop } from './queued-fop.js';
import type { TenantRule } from './rules.js';
import { DELAY_BOUNDS_S, type TenantStats } from './stats.js';

/** idle: nothing waits. ready: may go at once. throttled: waits for its rates. blocked: its brick has all it can do. */
export type TenantState = 'idle' | 'ready' | 'throttled' | 'blocked';

/** What the tenants of all bricks on one disk share. */
export interface DiskSlots {
  /** Fops in progress, and how many may be. */
  inFlight: number;
  limit: number;
  /** Bricks on the disk. */
  bricks: number;
  readonly blocked: Set<Tenant>;
}

/** A volume on this worker. */
export class Volume {
  weight = 100;
  /** Virtual time at which its next fop starts, and the present one of its tenants. */
  start = 0;
  now = 0;
  readonly ready: Tenant[] = [];
  /** Bricks of it that this worker has. */
  bricks = 0;
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}

export type TenantFop = QueuedFop<Tenant>;
export type TenantFlow = Flow<Tenant>;

/** Flows that are checked for one that may go. */
const MAX_LOOKED_AT = 64;

export class Tenant {
  rule: TenantRule;
  readonly volume: Volume;
  readonly slots: DiskSlots;
  ceilings: Ceilings | null = null;
  /** Limits of all of the volume together. */
  total: Ceilings | null = null;
  floor: Bucket | null = null;
  floorRefused = '';
  maxDelayNs = 0;
  state: TenantState = 'idle';
  /** Virtual time at which its next fop starts, in the volume's own. */
  start = 0;
  /** When a throttled tenant is checked again, by nowNs. */
  wakeNs = 0;
  queued = 0;
  queuedBytes = 0;
  /** Flows of connections with queued fops of this tenant; they take turns. */
  readonly flows: TenantFlow[] = [];
  #turn = 0;

  fops = 0;
  bytes = 0;
  delayed = 0;
  delaySeconds = 0;
  readonly delayCounts = new Float64Array(DELAY_BOUNDS_S.length + 1);
  overdue = 0;
  dropped = 0;

  constructor(rule: TenantRule, volume: Volume, slots: DiskSlots) {
    this.rule = rule;
    this.volume = volume;
    this.slots = slots;
  }

  /** Nanoseconds until its rates admit a fop; 0: now. */
  waitNs(now: number, fop: TenantFop): number {
    let wait = 0;
    const { traffic } = fop.entry;
    if (this.ceilings !== null) wait = this.ceilings.waitNs(now, traffic, fop.bytes);
    if (this.total !== null) wait = Math.max(wait, this.total.waitNs(now, traffic, fop.bytes));
    return wait;
  }

  charge(now: number, fop: TenantFop): void {
    const { traffic, cost } = fop.entry;
    this.ceilings?.charge(now, traffic, cost, fop.bytes);
    this.total?.charge(now, traffic, cost, fop.bytes);
    this.floor?.charge(now, cost);
  }

  refund(now: number, fop: TenantFop, bytes: number): void {
    this.ceilings?.refund(now, fop.entry.traffic, bytes);
    this.total?.refund(now, fop.entry.traffic, bytes);
  }

  push(flow: TenantFlow, fop: TenantFop): void {
    if (flow.length === 0) this.flows.push(flow);
    flow.push(fop);
    this.queued++;
    this.queuedBytes += fop.heldBytes;
  }

  get apart(): boolean {
    return this.ceilings?.apart === true || this.total?.apart === true;
  }

  /** The flow whose turn it is; if reads and writes have rates of their own, the first flow that may go, or that may go soonest. */
  next(now: number): TenantFlow {
    const { flows } = this;
    if (this.#turn >= flows.length) this.#turn = 0;
    if (!this.apart || flows.length === 1) return this.#flow(this.#turn);
    let best = this.#turn;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < Math.min(flows.length, MAX_LOOKED_AT) && least > 0; i++) {
      const at = (this.#turn + i) % flows.length;
      const wait = this.waitNs(now, this.#flow(at).first);
      if (wait < least) {
        least = wait;
        best = at;
      }
    }
    this.#turn = best;
    return this.#flow(best);
  }

  #flow(at: number): TenantFlow {
    return defined(this.flows[at], 'a tenant with a turn has a flow');
  }

  /** Takes the first fop of a flow out; the next connection has its turn then. */
  shift(flow: TenantFlow): TenantFop {
    const fop = flow.shift();
    this.queued--;
    this.queuedBytes -= fop.heldBytes;
    assert(this.queued >= 0 && this.queuedBytes >= 0, 'no more fops leave the queue of a tenant than have come');
    const at = this.flows.indexOf(flow, flow === this.flows[this.#turn] ? this.#turn : 0);
    if (flow.length === 0) {
      this.flows.splice(at, 1);
      if (at < this.#turn) this.#turn--;
    } else if (at === this.#turn) this.#turn++;
    return fop;
  }

  /** Records how long a fop was queued. */
  waited(ns: number): void {
    const seconds = ns / 1e9;
    this.delayed++;
    this.delaySeconds += seconds;
    const at = DELAY_BOUNDS_S.findIndex((bound) => seconds <= bound);
    const bucket = at < 0 ? DELAY_BOUNDS_S.length : at;
    this.delayCounts[bucket] = (this.delayCounts[bucket] ?? 0) + 1;
  }

  stats(now: number): TenantStats {
    const { rule } = this;
    return {
      tenant: rule.name,
      kind: rule.kind,
      weight: rule.weight,
      floor: rule.floor,
      floorRefused: this.floorRefused,
      limits: this.ceilings?.stats(now) ?? [],
      fops: this.fops,
      bytes: this.bytes,
      delayed: this.delayed,
      delaySeconds: this.delaySeconds,
      delayCounts: this.delayCounts.slice(),
      overdue: this.overdue,
      dropped: this.dropped,
      queued: this.queued,
      queuedBytes: this.queuedBytes,
    };
  }
}
