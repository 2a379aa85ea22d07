/**
 * The QoS scheduler of a worker: in which order fops of its tenants go to their bricks.
 *
 * While nothing is queued and the turn of the event loop has just begun, a fop within its rates runs at once; so does
 * one that would be next anyway. The rest is ordered by weight (start-time fair queueing: between volumes, and within
 * each between its tenants), in slices short enough that new arrivals are noticed soon: a tenant that has the thread to
 * itself may take long slices. Fops are queued only when the thread or the slots of a disk are saturated, when a rate
 * is exceeded, or, for background work, while clients are active (yielding.ts). An idle tenant's share is available to
 * all.
 *
 *   scheduler            volume                 tenant                         flow
 *   #ready    ---------> vol-a   start 310 ---> t1  ready      start 120 ---> connection 7: write, write, read
 *   (least start first)                 |                          `--------> connection 9: write
 *                                       `-----> t2  ready      start 140 ---> connection 7: lookup
 *             ---------> vol-b   start 330 ---> t5  ready      start  15 ---> ...
 *   #throttled ---------------------------> t3  throttled, until wakeNs     its rates let no fop through now
 *   DiskSlots.blocked --------------------> t4  blocked                     its disk has as many fops as it may have
 *   #waiting   all tenants with queued fops: t1 to t5. An idle tenant is in none of these
 *
 * `start` is a virtual time: after each fop it grows by the fop's cost divided by the weight, so that the volume and then
 * the tenant with the least start is next; a ready tenant below its floor goes before all. Within a tenant, connections take turns.
 */

import { workerData } from 'node:worker_threads';
import { assert } from '../../native/assert.js';
import { ticker } from '../base/ticker.js';
import { type Bucket, BucketTable, nowNs, type QosWorkerData } from './bucket.js';
import { Floors } from './floors.js';
import { type DiskSlots, type Tenant, type TenantFlow, type TenantFop, Volume } from './tenant.js';
import { Yielding } from './yielding.js';

/** Fops that are wound directly in one turn of the event loop, and those that leave queues in one. */
const MOST_PER_TURN = 16;
/** The same while several tenants are active: each waits for the turns of the others. */
const MOST_IN_COMPANY = 2;
/**
 * A tenant by itself may have so many times the fops in progress that a disk's slots allow: syncs that run together cost less, and
 * they keep nobody waiting. A tenant that arrives then waits for these once.
 */
const SLOTS_ALONE = 16;
/** Tenants that were active within this time count as active together. */
const COMPANY_NS = 200e6;
/** How often queued fops are checked for their maximum time. */
const OVERDUE_CHECK_NS = 50e6;

export interface Clock {
  now(): number;
}

export class Scheduler {
  readonly #volumes = new Map<string, Volume>();
  readonly #disks = new Map<string, DiskSlots>();
  readonly #ready: Volume[] = [];
  readonly #throttled = new Set<Tenant>();
  readonly #waiting = new Set<Tenant>();
  readonly #clock: Clock;
  #now = 0;
  #inline = 0;
  /** The tenant that asked last, and when that changed. */
  #lastAsked: Tenant | null = null;
  #changedNs = Number.NEGATIVE_INFINITY;
  #company = false;
  #turnScheduled = false;
  #timer: NodeJS.Timeout | null = null;
  #timerNs = 0;
  #overdueNs = 0;
  #buckets: BucketTable | null = null;
  /** Cost of all admitted fops, for measuring capacity. */
  costDone = 0;

  readonly #floors = new Floors();
  readonly #yielding = new Yielding();
  #stopMeasuring: (() => void) | null = null;

  constructor(clock: Clock = { now: nowNs }) {
    this.#clock = clock;
  }

  /** The buckets of the process; in a thread that was given none, buckets of its own. */
  get buckets(): BucketTable {
    this.#buckets ??= new BucketTable((workerData as Partial<QosWorkerData> | null)?.qosBuckets);
    return this.#buckets;
  }

  /** The volume of an id, made for its first brick. */
  volume(id: string): Volume {
    let volume = this.#volumes.get(id);
    if (volume === undefined) {
      volume = new Volume(id);
      this.#volumes.set(id, volume);
    }
    volume.bricks++;
    return volume;
  }

  leave(volume: Volume): void {
    if (--volume.bricks === 0) this.#volumes.delete(volume.id);
  }

  /** Requests a floor for a tenant. log: see {@link Floors.add}. */
  promise(tenant: Tenant, bucket: Bucket, log: (text: string) => void): void {
    this.#floors.add(tenant, bucket, log);
    this.#stopMeasuring ??= ticker.every(1, () => {
      let saturated = false;
      for (const t of this.#waiting) saturated ||= t.state === 'blocked';
      this.#floors.measure(this.costDone, saturated);
    });
  }

  unpromise(tenant: Tenant): void {
    this.#floors.remove(tenant);
    if (this.#floors.size > 0) return;
    this.#stopMeasuring?.();
    this.#stopMeasuring = null;
  }

  /** The slots of a disk, made for its first brick. */
  slots(disk: string): DiskSlots {
    let slots = this.#disks.get(disk);
    if (slots === undefined) {
      slots = { inFlight: 0, limit: 1, bricks: 0, blocked: new Set() };
      this.#disks.set(disk, slots);
    }
    slots.bricks++;
    return slots;
  }

  leaveSlots(disk: string, slots: DiskSlots): void {
    if (--slots.bricks === 0) this.#disks.delete(disk);
  }

  /** True: the fop may be wound at once, and has been charged. False: it must be queued. */
  admits(tenant: Tenant, fop: TenantFop): boolean {
    const now = this.#clock.now();
    this.#asked(tenant, now);
    if (tenant.queued > 0 && !tenant.apart) return false;
    if (this.#ready.length > 0 ? !this.#precedes(tenant, now) : this.#inline >= this.#mostPerTurn) return false;
    const { slots } = tenant;
    if (this.#full(slots) || this.#waitNs(tenant, now, fop) > 0) return false;
    this.#inline++;
    this.#nextTurn();
    this.#take(tenant, fop, now);
    return true;
  }

  #asked(tenant: Tenant, now: number): void {
    if (tenant !== this.#lastAsked) {
      if (this.#lastAsked !== null) this.#changedNs = now;
      this.#lastAsked = tenant;
    }
    this.#company = now - this.#changedNs < COMPANY_NS;
  }

  get #mostPerTurn(): number {
    return this.#company ? MOST_IN_COMPANY : MOST_PER_TURN;
  }

  #full(slots: DiskSlots): boolean {
    return slots.inFlight >= (this.#company ? slots.limit : slots.limit * SLOTS_ALONE);
  }

  /** True: a fop of this tenant, of which nothing is ready, would be picked before all that is. */
  #precedes(tenant: Tenant, now: number): boolean {
    const { volume } = tenant;
    const start = Math.max(volume.start, this.#now);
    for (const v of this.#ready) {
      if (v === volume) {
        const own = Math.max(tenant.start, volume.now);
        for (const t of v.ready) if (t.start <= own) return false;
      } else if (v.start <= start) return false;
      for (const t of v.ready) if (t.floor !== null && t.floor.waitNs(now) <= 0) return false;
    }
    return true;
  }

  /** Queues a fop at the end of a flow. */
  hold(tenant: Tenant, flow: TenantFlow, fop: TenantFop): void {
    const now = this.#clock.now();
    this.#asked(tenant, now);
    if (fop.sinceNs === 0) fop.sinceNs = now;
    tenant.push(flow, fop);
    this.#waiting.add(tenant);
    // A throttled tenant may now have a fop that may go before the others.
    if (tenant.apart && tenant.state === 'throttled') this.#unplace(tenant);
    if (tenant.state === 'idle') this.#place(tenant, now);
    if (this.#waiting.size === 1) this.#overdueNs = now + OVERDUE_CHECK_NS;
    this.#arm(now);
  }

  /** An admitted fop has ended. */
  ended(tenant: Tenant): void {
    const { slots } = tenant;
    slots.inFlight--;
    assert(slots.inFlight >= 0, 'no more fops end on a disk than were let through');
    if (slots.blocked.size === 0 || this.#full(slots)) return;
    for (const blocked of slots.blocked) this.#makeReady(blocked);
    slots.blocked.clear();
    this.#nextTurn();
  }

  /** Something of the tenant's queue or rates has changed from outside. */
  revise(tenant: Tenant): void {
    this.#unplace(tenant);
    if (tenant.queued > 0) this.#place(tenant, this.#clock.now());
    else this.#waiting.delete(tenant);
  }

  // --- turns --------------------------------------------------------------------------------------------------------

  #nextTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#turnScheduled = false;
    this.#inline = 0;
    this.pump();
  };

  /** Winds queued fops, up to the limit per turn. */
  pump(): void {
    let now = this.#clock.now();
    this.#wake(now);
    if (now >= this.#overdueNs) this.#dropOverdue(now);
    for (let n = 0; n < this.#mostPerTurn; ) {
      const tenant = this.#pick(now);
      if (tenant === null) break;
      const flow = tenant.next(now);
      const fop = flow.first;
      if (this.#full(tenant.slots) || this.#waitNs(tenant, now, fop) > 0) {
        this.#unplace(tenant);
        this.#place(tenant, now);
        continue;
      }
      tenant.shift(flow);
      this.#take(tenant, fop, now);
      if (tenant.queued === 0) this.#emptied(tenant);
      this.#go(tenant, fop, now);
      n++;
      now = this.#clock.now();
    }
    if (this.#ready.length > 0) this.#nextTurn();
    this.#arm(now);
  }

  /** The next tenant: one below its floor, or the one that has had the least for its weight. */
  #pick(now: number): Tenant | null {
    let volume: Volume | null = null;
    for (const v of this.#ready) {
      for (const t of v.ready) if (t.floor !== null && t.floor.waitNs(now) <= 0) return t;
      if (volume === null || v.start < volume.start) volume = v;
    }
    let tenant: Tenant | null = null;
    for (const t of volume?.ready ?? []) if (tenant === null || t.start < tenant.start) tenant = t;
    return tenant;
  }

  /** Charges a fop that is about to be wound. */
  #take(tenant: Tenant, fop: TenantFop, now: number): void {
    tenant.charge(now, fop);
    const { volume } = tenant;
    volume.start = Math.max(volume.start, this.#now);
    this.#now = volume.start;
    tenant.start = Math.max(tenant.start, volume.now);
    volume.now = tenant.start;
    this.#charge(tenant, fop.cost, now);
    tenant.fops++;
    tenant.bytes += fop.bytes;
    tenant.slots.inFlight++;
  }

  #charge(tenant: Tenant, cost: number, now: number): void {
    const { volume, rule } = tenant;
    volume.start += cost / volume.weight;
    tenant.start += cost / rule.weight;
    this.costDone += cost;
    const weight = volume.weight * rule.weight;
    if (rule.kind === 'background') this.#yielding.background(now, cost, weight);
    else this.#yielding.client(now, cost, weight);
  }

  /** Nanoseconds until a fop may go, for its rates and for what its tenant owes to clients; 0: now. */
  #waitNs(tenant: Tenant, now: number, fop: TenantFop): number {
    const wait = tenant.waitNs(now, fop);
    return tenant.rule.kind === 'background' ? Math.max(wait, this.#yielding.waitNs(now)) : wait;
  }

  /** A fop that is never queued was wound: its cost counts against the other fops of its tenant. */
  passed(tenant: Tenant, cost: number): void {
    const { volume } = tenant;
    volume.start = Math.max(volume.start, this.#now);
    tenant.start = Math.max(tenant.start, volume.now);
    this.#charge(tenant, cost, this.#clock.now());
  }

  /** Winds a queued fop, then the fops that were held behind it to keep their order. */
  #go(tenant: Tenant, fop: TenantFop, now: number): void {
    fop.waitedNs = now - fop.sinceNs;
    tenant.waited(fop.waitedNs);
    fop.proceed();
  }

  /** Admits fops above their rates that have been queued for the maximum time. */
  #dropOverdue(now: number): void {
    this.#overdueNs = now + OVERDUE_CHECK_NS;
    for (const tenant of [...this.#waiting]) {
      if (tenant.maxDelayNs === 0) continue;
      for (const flow of [...tenant.flows]) {
        while (flow.length > 0 && now - flow.first.sinceNs >= tenant.maxDelayNs) {
          const fop = tenant.shift(flow);
          tenant.overdue++;
          tenant.fops++;
          tenant.bytes += fop.bytes;
          tenant.slots.inFlight++;
          // Not charged: a fop admitted above the rate must not become a debt for later ones.
          fop.bytes = 0;
          this.#go(tenant, fop, now);
        }
      }
      if (tenant.queued === 0) this.#emptied(tenant);
    }
  }

  // --- where tenants are --------------------------------------------------------------------------------------------

  #place(tenant: Tenant, now: number): void {
    const wait = this.#waitNs(tenant, now, tenant.next(now).first);
    if (wait > 0) {
      tenant.state = 'throttled';
      tenant.wakeNs = now + wait;
      this.#throttled.add(tenant);
    } else if (this.#full(tenant.slots)) {
      tenant.state = 'blocked';
      tenant.slots.blocked.add(tenant);
    } else {
      this.#makeReady(tenant);
      this.#nextTurn();
    }
  }

  #makeReady(tenant: Tenant): void {
    const { volume } = tenant;
    tenant.state = 'ready';
    tenant.start = Math.max(tenant.start, volume.now);
    volume.ready.push(tenant);
    if (volume.ready.length > 1) return;
    volume.start = Math.max(volume.start, this.#now);
    this.#ready.push(volume);
  }

  #unplace(tenant: Tenant): void {
    if (tenant.state === 'throttled') this.#throttled.delete(tenant);
    else if (tenant.state === 'blocked') tenant.slots.blocked.delete(tenant);
    else if (tenant.state === 'ready') {
      const { ready } = tenant.volume;
      ready.splice(ready.indexOf(tenant), 1);
      if (ready.length === 0) this.#ready.splice(this.#ready.indexOf(tenant.volume), 1);
    }
    tenant.state = 'idle';
  }

  #emptied(tenant: Tenant): void {
    this.#unplace(tenant);
    this.#waiting.delete(tenant);
  }

  #wake(now: number): void {
    for (const tenant of this.#throttled) {
      if (tenant.wakeNs > now) continue;
      this.#throttled.delete(tenant);
      this.#makeReady(tenant);
    }
  }

  // --- the clock ----------------------------------------------------------------------------------------------------

  /** Sets the timer for the first tenant that must be checked. */
  #arm(now: number): void {
    if (this.#waiting.size === 0) return;
    let at = this.#overdueNs;
    for (const tenant of this.#throttled) at = Math.min(at, tenant.wakeNs);
    if (this.#timer !== null) {
      if (at >= this.#timerNs - 0.5e6) return;
      clearTimeout(this.#timer);
    }
    this.#timerNs = at;
    this.#timer = setTimeout(this.#ring, Math.max(1, Math.ceil((at - now) / 1e6)));
  }

  readonly #ring = (): void => {
    this.#timer = null;
    this.pump();
  };
}

/** The ticker of this thread. */
export const scheduler = new Scheduler();
