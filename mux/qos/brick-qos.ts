/** The scheduler's side of one brick whose volfile has user/qos: its tenants, and what its connections wait for. */
import { workerData } from 'node:worker_threads';
import { BucketTable, nowNs } from './bucket.js';
import { Ceilings } from './ceilings.js';
import { directoryOf } from './directory.js';
import { type Ask, SessionQueue } from './queue.js';
import type { Limits, QosRules, TenantRule } from './rules.js';
import { type Scheduler, scheduler as shared, type Volume } from './scheduler.js';
import type { FopSource, ScheduledBrick } from './scheduling.js';
import type { QosStats } from './stats.js';
import { type Slots, Tenant } from './tenant.js';
import { Classifier, type ClientClassifier } from './tenants.js';

/** Payload bytes that weigh as much as one operation when shares are measured. */
const BYTES_PER_COST = 64 << 10;
/**
 * Fops under way at once on a disk, per blocking call that a brick may have: a few more than can be at work, so that none has
 * to wait for the next one. Not many more: what is under way can't be shared out any longer.
 */
const FOPS_PER_SLOT = 1.25;

/** A floor that was not asked for is not saved up for longer. */
const FLOOR_BURST_SEC = 0.05;

/** What the main thread gives each worker for rates that hold for all of them. */
export interface QosWorkerData {
  qosBuckets: SharedArrayBuffer;
}

let table: BucketTable | null = null;
/** The buckets of the process; in a thread that was given none, buckets of its own. */
function buckets(): BucketTable {
  table ??= new BucketTable((workerData as Partial<QosWorkerData> | null)?.qosBuckets);
  return table;
}

export class BrickQos {
  readonly #brick: ScheduledBrick;
  readonly #scheduler: Scheduler;
  readonly #volume: Volume;
  readonly #disk: string;
  readonly #slots: Slots;
  #rules!: QosRules;
  #tenants: Tenant[] = [];
  #total: Ceilings | null = null;
  #classifier!: Classifier;
  #clients = new WeakMap<FopSource, ClientClassifier>();
  readonly #queues = new Map<FopSource, SessionQueue>();

  /** volumeId: names the volume among all of the process. */
  constructor(brick: ScheduledBrick, volumeId: string, rules: QosRules, scheduler: Scheduler = shared) {
    this.#brick = brick;
    this.#scheduler = scheduler;
    this.#volume = scheduler.volume(volumeId);
    this.#disk = brick.disk;
    this.#slots = scheduler.slots(brick.disk);
    this.configure(rules);
  }

  get rules(): QosRules {
    return this.#rules;
  }

  /** Blocking calls that the brick may have at a time. */
  limitCalls(limit: number): void {
    const fops = Math.ceil(Math.max(1, limit) * FOPS_PER_SLOT);
    this.#slots.limit = this.#slots.bricks === 1 ? fops : Math.max(this.#slots.limit, fops);
  }

  /** Takes new rules over. What waits stays in its order, under the tenant that it belongs to now. */
  configure(rules: QosRules): void {
    this.#rules = rules;
    this.#volume.weight = rules.weight;
    this.#classifier = new Classifier(rules.tenants);
    this.#clients = new WeakMap();
    this.#total = this.#ceilings('', rules.total);
    const before = new Map(this.#tenants.map((t) => [t.rule.name, t]));
    this.#tenants = rules.tenants.map((rule) => this.#tenant(rule, before.get(rule.name)));
    for (const { rule } of this.#tenants) before.delete(rule.name);
    for (const gone of before.values()) this.#empty(gone);
    for (const tenant of this.#tenants) this.#scheduler.revise(tenant);
  }

  #tenant(rule: TenantRule, known: Tenant | undefined): Tenant {
    const tenant = known ?? new Tenant(rule, this.#volume, this.#slots);
    tenant.rule = rule;
    tenant.ceilings = this.#ceilings(rule.name, rule.limits);
    tenant.total = this.#total;
    tenant.maxDelayNs = this.#rules.maxDelayMs * 1e6;
    if (rule.floor > 0) {
      const bucket = buckets().bucket(`${this.#volume.id}\0${rule.name}\0floor`);
      bucket.configure(rule.floor, FLOOR_BURST_SEC);
      this.#scheduler.promise(tenant, bucket, (text) => this.#brick.log.warning(0, `${this.#brick.name}: ${text}`));
    } else this.#scheduler.unpromise(tenant);
    return tenant;
  }

  #ceilings(name: string, limits: Limits | null): Ceilings | null {
    return limits === null ? null : new Ceilings(buckets(), `${this.#volume.id}\0${name}`, limits);
  }

  /** A tenant is no more: what waits there starts over. */
  #empty(tenant: Tenant): void {
    for (const [session, queue] of this.#queues) {
      const left = queue.flows.filter((flow) => flow.tenant === tenant);
      queue.flows = queue.flows.filter((flow) => flow.tenant !== tenant);
      for (const flow of left) {
        while (flow.length > 0) {
          const ask = tenant.shift(flow);
          ask.tenant = this.#classify(session, ask);
          ask.flow = queue.flow(ask.tenant, ask.fop.traffic);
          this.#scheduler.hold(ask.tenant, ask.flow, ask);
        }
      }
    }
    this.#scheduler.unpromise(tenant);
    this.#scheduler.revise(tenant);
  }

  // --- the way of a fop ---------------------------------------------------------------------------------------------

  /** True: the fop goes down now. False: it waits, and comes back by {@link FopSource.proceed}, unless its client goes. */
  enter(ask: Ask): boolean {
    const { session, fop } = ask;
    ask.qos = this;
    const queue = this.#queues.get(session);
    const before = queue?.before(ask.request);
    if (fop.traffic === 'free') {
      if (before === undefined) {
        this.#scheduler.passed(this.#classify(session, ask), fop.work);
        return true;
      }
      ask.keep();
      ask.tenant = before.tenant;
      ask.flow = before.flow;
      before.followers ??= [];
      before.followers.push(ask);
      queue!.held(ask);
      return false;
    }
    const { costBytes } = fop;
    if (costBytes !== null) ask.bytes = (ask.request as Record<string, number>)[costBytes]!;
    ask.cost = fop.work + ask.bytes / BYTES_PER_COST;
    const tenant = before === undefined ? this.#classify(session, ask) : before.tenant;
    ask.tenant = tenant;
    const flow = before?.flow ?? queue?.find(tenant, fop.traffic);
    if ((flow === undefined || flow.length === 0) && this.#scheduler.admits(tenant, ask)) return true;
    const waiting = queue ?? this.#queue(session);
    ask.keep();
    ask.flow = flow ?? waiting.flow(tenant, fop.traffic);
    this.#scheduler.hold(tenant, ask.flow, ask);
    waiting.held(ask);
    return false;
  }

  #queue(session: FopSource): SessionQueue {
    const queue = new SessionQueue(session);
    this.#queues.set(session, queue);
    return queue;
  }

  #classify(session: FopSource, ask: Ask): Tenant {
    let client = this.#clients.get(session);
    if (client === undefined) {
      const { auth, uid, processName, subdir } = session.client;
      client = this.#classifier.forClient({ address: auth.peerAddress, uid, processName, user: auth.username, subdir });
      this.#clients.set(session, client);
    }
    return this.#tenants[client.tenant(ask.call, () => directoryOf(session, ask.request))]!;
  }

  /** One that waited is about to go down. */
  leaves(ask: Ask): void {
    this.#queues.get(ask.session)?.left(ask);
  }

  /** A fop that was let through has ended. */
  ended(ask: Ask): void {
    if (ask.fop.traffic === 'free') return;
    const { tenant } = ask;
    if (ask.served >= 0 && ask.served < ask.bytes) {
      tenant.refund(nowNs(), ask, ask.bytes - ask.served);
      tenant.bytes -= ask.bytes - ask.served;
    }
    this.#scheduler.ended(tenant);
  }

  /** The connection is gone: nothing waits for it any more. `drop` gets each fop that did. */
  drop(session: FopSource, drop: (ask: Ask) => void): void {
    const queue = this.#queues.get(session);
    if (queue === undefined) return;
    this.#queues.delete(session);
    const dropOne = (ask: Ask): void => {
      for (const follower of ask.followers ?? []) dropOne(follower);
      ask.letGo();
      drop(ask);
    };
    for (const flow of queue.flows) {
      const { tenant } = flow;
      if (flow.length === 0) continue;
      while (flow.length > 0) {
        dropOne(tenant.shift(flow));
        tenant.dropped++;
      }
      this.#scheduler.revise(tenant);
    }
  }

  /** The end of scheduling for this brick: what waits goes down at once. */
  close(): void {
    for (const [session, queue] of this.#queues) {
      for (const flow of queue.flows) {
        const { tenant } = flow;
        while (flow.length > 0) {
          const ask = tenant.shift(flow);
          this.#slots.inFlight++;
          session.proceed(ask);
        }
        this.#scheduler.revise(tenant);
      }
    }
    this.#queues.clear();
    for (const tenant of this.#tenants) this.#scheduler.unpromise(tenant);
    this.#scheduler.leave(this.#volume);
    this.#scheduler.leaveSlots(this.#disk, this.#slots);
  }

  stats(): QosStats {
    const now = nowNs();
    const { weight, maxDelayMs, bad } = this.#rules;
    let paused = 0;
    for (const queue of this.#queues.values()) if (queue.full) paused++;
    const tenants = this.#tenants.map((t) => t.stats(now));
    if (this.#total !== null) tenants.push(this.#totalStats(now));
    return {
      volume: this.#brick.volume,
      weight,
      maxDelaySeconds: maxDelayMs / 1000,
      inFlight: this.#slots.inFlight,
      inFlightLimit: this.#slots.limit,
      pausedConnections: paused,
      tenants,
      badOptions: [...bad],
      options: [...this.#rules.good],
    };
  }

  #totalStats(now: number) {
    const rule: TenantRule = { name: 'total', kind: 'total', weight: 0, limits: null, floor: 0, match: null };
    return { ...new Tenant(rule, this.#volume, this.#slots).stats(now), limits: this.#total!.stats(now) };
  }
}
