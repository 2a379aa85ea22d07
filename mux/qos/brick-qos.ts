/** QoS of one brick whose volfile has user/qos: its tenants, and the queued fops of its connections. */
import { defined } from '../../native/assert.js';
import { nowNs } from './bucket.js';
import { Ceilings } from './ceilings.js';
import { directoryOf } from './directory.js';
import { SessionQueue } from './queue.js';
import { QueuedFop } from './queued-fop.js';
import type { Limits, QosRules, TenantRule } from './rules.js';
import { type Scheduler, scheduler as shared } from './scheduler.js';
import type { FopSource, SchedulableFop, ScheduledBrick } from './scheduling.js';
import type { QosStats, TenantStats } from './stats.js';
import { type DiskSlots, Tenant, type TenantFop, type Volume } from './tenant.js';
import { Classifier, type ClientClassifier } from './tenants.js';

/** Payload bytes that weigh as much as one operation when shares are measured. */
const BYTES_PER_COST = 64 << 10;
/**
 * Fops in progress at once on a disk, per blocking call that a brick may have: a few more than can be at work, so that none has
 * to wait for the next one. Not many more: fops in progress can no longer be reordered.
 */
const FOPS_PER_SLOT = 1.25;

/** A floor that was not asked for is not saved up for longer. */
const FLOOR_BURST_SEC = 0.05;

export class BrickQos {
  readonly #brick: ScheduledBrick;
  readonly #scheduler: Scheduler;
  readonly #volume: Volume;
  readonly #disk: string;
  readonly #slots: DiskSlots;
  #rules: QosRules;
  #tenants: Tenant[] = [];
  #total: Ceilings | null = null;
  #classifier: Classifier;
  #clients = new WeakMap<FopSource, ClientClassifier>();
  readonly #queues = new Map<FopSource, SessionQueue>();

  /** volumeId: names the volume among all of the process. */
  constructor(brick: ScheduledBrick, volumeId: string, rules: QosRules, scheduler: Scheduler = shared) {
    this.#brick = brick;
    this.#scheduler = scheduler;
    this.#volume = scheduler.volume(volumeId);
    this.#disk = brick.disk;
    this.#slots = scheduler.slots(brick.disk);
    this.#rules = rules;
    this.#classifier = new Classifier(rules.tenants);
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

  /** Applies new rules. Queued fops keep their order, under the tenant that they belong to now. */
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
      const bucket = this.#scheduler.buckets.bucket(`${this.#volume.id}\0${rule.name}\0floor`);
      bucket.configure(rule.floor, FLOOR_BURST_SEC);
      this.#scheduler.promise(tenant, bucket, (text) => this.#brick.log.warning(0, `${this.#brick.name}: ${text}`));
    } else this.#scheduler.unpromise(tenant);
    return tenant;
  }

  #ceilings(name: string, limits: Limits | null): Ceilings | null {
    return limits === null ? null : new Ceilings(this.#scheduler.buckets, `${this.#volume.id}\0${name}`, limits);
  }

  /** A tenant was removed: its queued fops are assigned again. */
  #empty(tenant: Tenant): void {
    for (const [source, queue] of this.#queues) {
      const left = queue.flows.filter((flow) => flow.tenant === tenant);
      queue.flows = queue.flows.filter((flow) => flow.tenant !== tenant);
      for (const flow of left) {
        while (flow.length > 0) {
          const queued = tenant.shift(flow);
          queued.tenant = this.#classify(source, queued.inFlight);
          queued.flow = queue.flow(queued.tenant, queued.entry.traffic);
          this.#scheduler.hold(queued.tenant, queued.flow, queued);
        }
      }
    }
    this.#scheduler.unpromise(tenant);
    this.#scheduler.revise(tenant);
  }

  // --- fops ---------------------------------------------------------------------------------------------------------

  /**
   * A fop has arrived. Returns its way through the scheduler, to be ended by {@link ended}. It is wound now if it has no flow;
   * else it waits, and is told to proceed or to drop.
   */
  enter(inFlight: SchedulableFop): TenantFop {
    const { source, entry, request } = inFlight;
    const queue = this.#queues.get(source);
    const before = queue?.before(request);
    const tenant = before === undefined ? this.#classify(source, inFlight) : before.tenant;
    const queued = new QueuedFop(inFlight, this, tenant);
    if (entry.traffic === 'free') {
      if (queue === undefined || before === undefined) {
        this.#scheduler.passed(tenant, entry.work);
        return queued;
      }
      inFlight.keep();
      queued.flow = before.flow;
      before.followers ??= [];
      before.followers.push(queued);
      queue.held(queued);
      return queued;
    }
    const { costBytes } = entry;
    if (costBytes !== null) queued.bytes = (request as Record<typeof costBytes, number>)[costBytes];
    queued.cost = entry.work + queued.bytes / BYTES_PER_COST;
    const flow = before?.flow ?? queue?.find(tenant, entry.traffic);
    if ((flow === undefined || flow.length === 0) && this.#scheduler.admits(tenant, queued)) return queued;
    const waiting = queue ?? this.#queue(source);
    inFlight.keep();
    queued.flow = flow ?? waiting.flow(tenant, entry.traffic);
    this.#scheduler.hold(tenant, queued.flow, queued);
    waiting.held(queued);
    return queued;
  }

  #queue(source: FopSource): SessionQueue {
    const queue = new SessionQueue(source);
    this.#queues.set(source, queue);
    return queue;
  }

  #classify(source: FopSource, { caller, request }: SchedulableFop): Tenant {
    let client = this.#clients.get(source);
    if (client === undefined) {
      const { auth, uid, processName, subdir } = source.client;
      client = this.#classifier.forClient({ address: auth.peerAddress, uid, processName, user: auth.username, subdir });
      this.#clients.set(source, client);
    }
    return defined(
      this.#tenants[client.tenant(caller, () => directoryOf(source, request))],
      'a classifier knows the tenants of its rules',
    );
  }

  /** A queued fop is about to be wound. */
  leaves(queued: TenantFop): void {
    this.#queues.get(queued.inFlight.source)?.left(queued);
  }

  /** An admitted fop has ended. */
  ended(queued: TenantFop): void {
    if (queued.entry.traffic === 'free') return;
    const { tenant } = queued;
    if (queued.served >= 0 && queued.served < queued.bytes) {
      tenant.refund(nowNs(), queued, queued.bytes - queued.served);
      tenant.bytes -= queued.bytes - queued.served;
    }
    this.#scheduler.ended(tenant);
  }

  /** The connection has closed: its queued fops are dropped. */
  drop(source: FopSource): void {
    const queue = this.#queues.get(source);
    if (queue === undefined) return;
    this.#queues.delete(source);
    for (const flow of queue.flows) {
      const { tenant } = flow;
      if (flow.length === 0) continue;
      while (flow.length > 0) {
        tenant.shift(flow).drop();
        tenant.dropped++;
      }
      this.#scheduler.revise(tenant);
    }
  }

  /** Ends scheduling for this brick: queued fops are wound at once. */
  close(): void {
    for (const queue of this.#queues.values()) {
      for (const flow of queue.flows) {
        const { tenant } = flow;
        while (flow.length > 0) {
          const queued = tenant.shift(flow);
          this.#slots.inFlight++;
          queued.proceed();
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
    if (this.#total !== null) tenants.push(this.#totalStats(this.#total, now));
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

  #totalStats(total: Ceilings, now: number): TenantStats {
    const rule: TenantRule = { name: 'total', kind: 'total', weight: 0, limits: null, floor: 0, match: null };
    return { ...new Tenant(rule, this.#volume, this.#slots).stats(now), limits: total.stats(now) };
  }
}
