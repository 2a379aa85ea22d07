/**
 * The server on the main thread: one listening port for all bricks, the handshake of new connections, and the control of
 * the brick workers.
 */

import { randomUUID } from 'node:crypto';
import { addon } from '../../native/addon.js';
import type { ByteString } from '../../native/bytes.js';
import { errnoName } from '../../native/errno.js';
import { BrickError } from '../base/brick-error.js';
import { background, describeThrown } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import type { AuthRules } from '../brick/auth.js';
import { authRules, type BrickFacts, type Unapplied, volumeOf, withheldBy } from '../brick/brick-facts.js';
import type { WorkerStats } from '../brick/views/brick-stats.js';
import { joinParts } from '../brick/views/statedump.js';
import { type BrickEntry, Greeting, type Handover, HOLD_MS, type Reception } from '../handshake/handshake.js';
import { greetOptions } from '../transport/socket-options.js';
import { Listener } from './accept-loop.js';
import type { BrickWorker } from './brick-worker.js';
import { KeptTask } from './stored-task.js';
import { REVIVAL_RULES, type Returning, Revival, type RevivalRules } from './supervisor.js';
import {
  type Argument,
  BrickPool,
  type FaultKind,
  type PoolOptions,
  type Result,
  type TaskName,
  WorkerLost,
} from './worker-pool.js';
import type { BrickTask } from './worker-protocol.js';

/** How long the numbers of a worker are waited for: longer than it waits for the disks of its bricks. */
const STATS_WAIT_MS = 3000;

/** Null if it takes longer. */
async function within<T>(limitMs: number, answer: Promise<T | null>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), limitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

class Entry implements BrickEntry {
  /** What the brick was started with, or given last: what it starts with again. */
  #kept: KeptTask;
  readonly volfileId: string;
  facts: BrickFacts;
  auth: AuthRules;
  closing = false;
  /** Under way while it is started again. */
  starting: Promise<void> | null = null;
  failed = false;
  /** Why the last volfile could not be used at all; '' if it could. */
  unusable = '';
  /** Called when a brick whose worker has failed is back, or given up. Null: it is there. */
  #awaited: (() => void)[] | null = null;

  constructor(task: BrickTask, facts: BrickFacts) {
    this.#kept = new KeptTask(task);
    this.volfileId = task.volfileId;
    this.facts = facts;
    this.auth = authRules(facts);
  }
  get task(): BrickTask {
    return this.#kept.task;
  }
  get up(): boolean {
    return !this.failed && this.#awaited === null;
  }
  get returning(): boolean {
    return this.#awaited !== null;
  }
  /** Its worker has failed. */
  leave(): void {
    this.#awaited ??= [];
  }
  /** It is back, or given up. */
  return(): void {
    const waiting = this.#awaited ?? [];
    this.#awaited = null;
    for (const go of waiting) go();
  }
  back(limitMs: number): Promise<void> {
    const waiting = this.#awaited;
    if (waiting === null) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, limitMs);
      waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  get name(): ByteString {
    return this.facts.brick;
  }
  get unapplied(): readonly Unapplied[] {
    const { unapplied } = this.facts;
    if (this.unusable === '') return unapplied;
    return [...unapplied, { volume: '', option: '', value: '', reason: this.unusable, guards: false }];
  }
  get withheld(): string {
    return withheldBy(this.facts.unapplied);
  }
  get serverName(): string {
    return this.facts.serverName;
  }
  get volumeId(): string | undefined {
    return this.facts.volumeId;
  }
  /** New facts, and, if it was given one, the task that they came of. */
  update(facts: BrickFacts, task?: BrickTask): void {
    if (task !== undefined) this.#kept = new KeptTask(task);
    // Nobody asks for the graph a second time.
    this.facts = { ...facts, finalGraph: '' };
    if (task !== undefined) this.unusable = '';
    this.auth = authRules(facts);
  }
}

function stateOf(entry: Entry): 'up' | 'returning' | 'stopping' | 'withheld' | 'failed' {
  if (entry.failed) return 'failed';
  if (entry.closing) return 'stopping';
  if (entry.returning) return 'returning';
  return entry.withheld === '' ? 'up' : 'withheld';
}

export interface ServerOptions extends PoolOptions {
  revival?: RevivalRules;
}

/** Times that a connection is handed over again because the worker failed that was to have it. */
const HANDOVER_TRIES = 4;

export class Server implements Reception, Returning {
  readonly processUuid = randomUUID();
  log = loggerFor('server');
  readonly #pool: BrickPool;
  readonly #revival: Revival;
  readonly #entries = new Map<ByteString, Entry>();
  readonly #attaching = new Map<ByteString, Promise<void>>();
  readonly #greetings = new Set<Greeting>();
  /** Since the start. */
  #attaches = 0;
  #attachFailures = 0;
  #workerFailures = 0;
  readonly #asked = new Map<BrickWorker, Promise<WorkerStats | null>>();
  #listener: Listener | null = null;
  #onFailed: (brick: ByteString, reason: string) => void = () => {};

  constructor(options: ServerOptions) {
    this.#pool = new BrickPool(options, {
      event: (event) => {
        if (event.event === 'failed') this.giveUp(event.brick, event.reason);
      },
      down: (worker) => {
        this.#workerFailures++;
        for (const brick of worker.bricks) {
          const entry = this.#entries.get(brick);
          if (entry !== undefined && !entry.failed) entry.leave();
        }
        this.#revival.down(worker).catch((error: unknown) => {
          this.log.error(0, `bricks of a failed worker do not come back: ${String(error)}`);
          for (const brick of worker.bricks) this.giveUp(brick, String(error));
        });
      },
    });
    this.#revival = new Revival(this.#pool, this, options.revival ?? REVIVAL_RULES);
  }

  // --- bricks of failed workers -------------------------------------------------------------------------------------

  wanted(brick: ByteString): boolean {
    const entry = this.#entries.get(brick);
    return entry !== undefined && !entry.closing && !entry.failed;
  }

  async start(brick: ByteString, worker: BrickWorker): Promise<void> {
    const entry = this.#entries.get(brick)!;
    const starting = this.#pool.runOn(worker, 'attach', { ...entry.task, again: true });
    entry.starting = starting.then(
      () => {},
      () => {},
    );
    entry.update(await starting);
    entry.return();
  }

  giveUp(brick: ByteString, reason: string): void {
    const entry = this.#entries.get(brick);
    if (entry === undefined) return;
    entry.failed = true;
    entry.return();
    if (!entry.closing) this.#onFailed(brick, reason);
  }

  // --- port ---------------------------------------------------------------------------------------------------------

  async listen(o: { host: string; port: number; family: 4 | 6; backlog: number }): Promise<{ port: number }> {
    const fd = addon.listenTcp(o.host, o.port, o.family, o.backlog);
    if (fd < 0) {
      const code = errnoName(-fd);
      throw Object.assign(new Error(`can't listen on port ${o.port}: ${code}`), { code, errno: -fd });
    }
    this.#listener = new Listener(
      fd,
      (connection) => this.#greet(connection),
      () => this.log,
    );
    const name = addon.sockName(fd);
    return { port: typeof name === 'number' ? o.port : name[1] };
  }

  #greet(fd: number): void {
    greetOptions(fd);
    try {
      this.#greetings.add(new Greeting(fd, this));
    } catch (thrown) {
      this.log.error(0, `a new connection is closed: ${describeThrown(thrown)}`);
      addon.closeFd(fd);
    }
  }

  // --- Reception ----------------------------------------------------------------------------------------------------

  findBrick(name: ByteString): BrickEntry | undefined {
    return this.#entries.get(name);
  }

  handOver(brick: BrickEntry, handover: Handover): void {
    background(this.#handOver(brick, handover, HANDOVER_TRIES), this.log, `${brick.name}: a connection is lost`);
  }

  async #handOver(brick: BrickEntry, handover: Handover, tries: number): Promise<void> {
    const { fd } = handover;
    await brick.back(HOLD_MS);
    const ticket = addon.sendFd(fd);
    try {
      if (!brick.up) throw new WorkerLost();
      await this.#pool.run(brick.name, 'adopt', { brick: brick.name, handover: { ...handover, ticket } });
    } catch (error) {
      // If the worker has taken it, it went with the worker.
      if (!addon.takeFd(fd, ticket)) return;
      if (error instanceof WorkerLost && brick.returning && tries > 1)
        return this.#handOver(brick, handover, tries - 1);
      this.log.error(0, `${brick.name}: the brick's worker did not take a connection: ${String(error)}`);
      addon.closeFd(fd);
    }
  }

  closed(greeting: Greeting): void {
    this.#greetings.delete(greeting);
  }

  // --- bricks -------------------------------------------------------------------------------------------------------

  attach(task: BrickTask): Promise<void> {
    const already = this.#attaching.get(task.brick);
    if (already !== undefined) return already;
    const run = this.#attach(task).finally(() => this.#attaching.delete(task.brick));
    this.#attaching.set(task.brick, run);
    return run;
  }

  async #attach(task: BrickTask): Promise<void> {
    if (this.#entries.has(task.brick)) {
      throw new BrickError('BRICK_ALREADY_SERVED', task.brick);
    }
    try {
      const facts = await this.#bringUp(task);
      this.log = loggerFor(facts.serverName);
      this.#entries.set(facts.brick, new Entry(task, facts));
      this.#attaches++;
    } catch (error) {
      this.#attachFailures++;
      this.#pool.displace(task.brick);
      throw error;
    }
  }

  /** A brick whose worker fails meanwhile is tried once more, alone: another brick may have been the cause. */
  async #bringUp(task: BrickTask): Promise<BrickFacts> {
    try {
      return await this.#pool.runOn(this.#pool.place(task.brick), 'attach', task);
    } catch (error) {
      if (!(error instanceof WorkerLost)) throw error;
    }
    const worker = this.#pool.start();
    worker.suspect = true;
    this.#pool.move(task.brick, worker);
    try {
      return await this.#pool.run(task.brick, 'attach', task);
    } catch (error) {
      if (!(error instanceof WorkerLost)) throw error;
      const message = `its worker has failed while it came up: ${worker.fault}`;
      throw new BrickError('WORKER_FAILED_AT_START', task.brick, { message });
    } finally {
      worker.suspect = false;
    }
  }

  /** A task for a brick that is served; one whose worker has failed is waited for. */
  async #run<N extends TaskName>(brick: ByteString, name: N, argument: Argument<N>): Promise<Result<N>> {
    const entry = this.#entries.get(brick);
    await entry?.back(Number.POSITIVE_INFINITY);
    if (entry === undefined || entry.failed || this.#entries.get(brick) !== entry) {
      throw new BrickError('BRICK_NOT_SERVED', brick);
    }
    try {
      return await this.#pool.run(brick, name, argument);
    } catch (error) {
      if (!(error instanceof WorkerLost)) throw error;
      throw new BrickError('WORKER_LOST', brick);
    }
  }

  /** Resolves with what of the new volfile is not in effect; rejects when all of it is not. */
  async reconfigure(task: BrickTask): Promise<readonly Unapplied[]> {
    let facts: BrickFacts;
    try {
      facts = await this.#run(task.brick, 'reconfigure', task);
    } catch (error) {
      const entry = this.#entries.get(task.brick);
      if (entry !== undefined) entry.unusable = (error as { message?: string }).message ?? String(error);
      throw error;
    }
    this.#entries.get(task.brick)?.update(facts, task);
    return facts.unapplied;
  }

  async detach(brick: ByteString): Promise<void> {
    const entry = this.#entries.get(brick);
    if (entry === undefined) return;
    entry.closing = true;
    if (entry.returning) await entry.starting;
    try {
      await this.#pool.run(brick, 'detach', brick);
    } catch (error) {
      // A brick whose worker has gone is as good as detached.
      if (!(error instanceof WorkerLost)) throw error;
    }
    this.#entries.delete(brick);
    this.#pool.displace(brick);
    entry.return();
  }

  bricks(): ByteString[] {
    return [...this.#entries.keys()];
  }

  facts(brick: ByteString): BrickFacts | undefined {
    return this.#entries.get(brick)?.facts;
  }

  finalGraph(brick: ByteString): string {
    const facts = this.#entries.get(brick)?.facts;
    if (facts === undefined) return '';
    const text = facts.finalGraph;
    facts.finalGraph = '';
    return text;
  }

  status(brick: ByteString, what: string): Promise<Record<string, string | number | bigint>> {
    return this.#run(brick, 'status', { brick, what });
  }

  profile(brick: ByteString, input: Map<string, string>): Promise<Map<string, string | number | bigint>> {
    return this.#run(brick, 'profile', { brick, input });
  }

  barrier(brick: ByteString, enable: boolean): Promise<void> {
    return this.#run(brick, 'barrier', { brick, enable });
  }

  async statedump(selection: Record<string, boolean>): Promise<string> {
    const parts = await Promise.allSettled(this.#pool.inUse().map((w) => this.#pool.runOn(w, 'statedump', selection)));
    return joinParts(
      parts.flatMap((p) => (p.status === 'fulfilled' ? [p.value] : [])),
      selection,
    );
  }

  /** Numbers of every worker that has bricks; a worker that does not answer in time is left out. */
  async stats(): Promise<WorkerStats[]> {
    const all = await Promise.all(this.#pool.inUse().map((w) => within(STATS_WAIT_MS, this.#statsOf(w))));
    return all.filter((w) => w !== null);
  }

  /** Who asks while others do gets the same answer: one that does not come must not be asked for again and again. */
  #statsOf(worker: BrickWorker): Promise<WorkerStats | null> {
    const asked = this.#asked.get(worker);
    if (asked !== undefined) return asked;
    const asking = this.#pool
      .runOn(worker, 'stats', null)
      .catch(() => null)
      .finally(() => this.#asked.delete(worker));
    this.#asked.set(worker, asking);
    return asking;
  }

  /** What is known of the bricks without asking their workers. */
  state() {
    return {
      bricks: [...this.#entries.values()].map((entry) => ({
        brick: entry.name,
        volume: volumeOf(entry.serverName),
        volfileId: entry.volfileId,
        state: stateOf(entry),
        unapplied: entry.unapplied,
      })),
      attaching: this.#attaching.size,
      attaches: this.#attaches,
      attachFailures: this.#attachFailures,
      workerFailures: this.#workerFailures,
    };
  }

  /** Has the worker of a brick fail, for tests. Returns the bricks that it has. */
  failWorker(brick: ByteString, kind: FaultKind): ByteString[] {
    const worker = this.#pool.workerOf(brick);
    if (worker === undefined) throw new BrickError('BRICK_NOT_SERVED', brick);
    if (kind === 'terminate') worker.terminate();
    else this.#pool.runOn(worker, 'fail', kind).catch(() => {});
    return [...worker.bricks];
  }

  onBrickFailed(report: (brick: ByteString, reason: string) => void): void {
    this.#onFailed = report;
  }

  async close(): Promise<void> {
    if (this.#listener !== null) {
      this.#listener.close();
      this.#listener = null;
    }
    this.#revival.stop();
    for (const g of [...this.#greetings]) g.close();
    await Promise.all(this.bricks().map((b) => this.detach(b)));
    await this.#pool.close();
  }
}
