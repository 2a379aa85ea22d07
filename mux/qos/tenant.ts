/** One tenant of one brick: its rates, what waits for them, and its counters. */
import type { Bucket } from './bucket.js';
import type { Ceilings } from './ceilings.js';
import type { Ask, Flow } from './queue.js';
import type { TenantRule } from './rules.js';
import type { Volume } from './scheduler.js';
import { DELAY_BOUNDS_S, type TenantStats } from './stats.js';

/** idle: nothing waits. ready: may go at once. throttled: waits for its rates. blocked: its brick has all it can do. */
export type TenantState = 'idle' | 'ready' | 'throttled' | 'blocked';

/** What the tenants of all bricks on one disk share. */
export interface Slots {
  /** Fops under way, and how many may be. */
  inFlight: number;
  limit: number;
  /** Bricks on the disk. */
  bricks: number;
  readonly blocked: Set<Tenant>;
}

/** Lines that are looked at for one that may go. */
const MAX_LOOKED_AT = 64;

export class Tenant {
  rule: TenantRule;
  readonly volume: Volume;
  readonly slots: Slots;
  ceilings: Ceilings | null = null;
  /** Limits of all of the volume together. */
  total: Ceilings | null = null;
  floor: Bucket | null = null;
  floorRefused = '';
  maxDelayNs = 0;
  state: TenantState = 'idle';
  /** Virtual time at which its next fop starts, in the volume's own. */
  start = 0;
  /** When a throttled one is looked at again, nowNs. */
  wakeNs = 0;
  queued = 0;
  queuedBytes = 0;
  /** Lines of connections that have something waiting here, in turn. */
  readonly flows: Flow[] = [];
  #turn = 0;

  fops = 0;
  bytes = 0;
  delayed = 0;
  delaySeconds = 0;
  readonly delayCounts = new Float64Array(DELAY_BOUNDS_S.length + 1);
  overdue = 0;
  dropped = 0;

  constructor(rule: TenantRule, volume: Volume, slots: Slots) {
    this.rule = rule;
    this.volume = volume;
    this.slots = slots;
  }

  /** Nanoseconds until its rates let a fop through; 0: now. */
  waitNs(now: number, ask: Ask): number {
    let wait = 0;
    const { traffic } = ask.fop;
    if (this.ceilings !== null) wait = this.ceilings.waitNs(now, traffic, ask.bytes);
    if (this.total !== null) wait = Math.max(wait, this.total.waitNs(now, traffic, ask.bytes));
    return wait;
  }

  charge(now: number, ask: Ask): void {
    const { traffic, cost } = ask.fop;
    this.ceilings?.charge(now, traffic, cost, ask.bytes);
    this.total?.charge(now, traffic, cost, ask.bytes);
    this.floor?.charge(now, cost);
  }

  refund(now: number, ask: Ask, bytes: number): void {
    this.ceilings?.refund(now, ask.fop.traffic, bytes);
    this.total?.refund(now, ask.fop.traffic, bytes);
  }

  push(flow: Flow, ask: Ask): void {
    if (flow.length === 0) this.flows.push(flow);
    flow.push(ask);
    this.queued++;
    this.queuedBytes += ask.heldBytes;
  }

  get apart(): boolean {
    return this.ceilings?.apart === true || this.total?.apart === true;
  }

  /** The line whose turn it is; where reading and writing have rates of their own, the first one that may go, or may soonest. */
  next(now: number): Flow {
    const { flows } = this;
    if (this.#turn >= flows.length) this.#turn = 0;
    if (!this.apart || flows.length === 1) return flows[this.#turn]!;
    let best = this.#turn;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < Math.min(flows.length, MAX_LOOKED_AT) && least > 0; i++) {
      const at = (this.#turn + i) % flows.length;
      const wait = this.waitNs(now, flows[at]!.first);
      if (wait < least) {
        least = wait;
        best = at;
      }
    }
    this.#turn = best;
    return flows[best]!;
  }

  /** Takes the first fop of a flow out; the next connection has its turn then. */
  shift(flow: Flow): Ask {
    const ask = flow.shift();
    this.queued--;
    this.queuedBytes -= ask.heldBytes;
    const at = this.flows.indexOf(flow, flow === this.flows[this.#turn] ? this.#turn : 0);
    if (flow.length === 0) {
      this.flows.splice(at, 1);
      if (at < this.#turn) this.#turn--;
    } else if (at === this.#turn) this.#turn++;
    return ask;
  }

  /** Takes note of how long a fop has waited. */
  waited(ns: number): void {
    const seconds = ns / 1e9;
    this.delayed++;
    this.delaySeconds += seconds;
    let i = 0;
    while (i < DELAY_BOUNDS_S.length && seconds > DELAY_BOUNDS_S[i]!) i++;
    this.delayCounts[i] = this.delayCounts[i]! + 1;
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
