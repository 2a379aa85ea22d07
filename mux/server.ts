/**
 * The server on the main thread: one listening port for all bricks, the handshake of new connections, and the control of
 * the brick workers.
 */
import { randomUUID } from 'node:crypto';
import { addon, type Poller } from '../native/addon.js';
import { errnoName } from '../posix/contract/errno.js';
import { loggerFor } from '../posix/contract/log.js';
import type { AuthRules } from './auth.js';
import { authRules, type BrickFacts, type BrickTask } from './facts.js';
import { type BrickEntry, Greeting, type Handover, type Reception } from './greeting.js';
import { BrickPool } from './pool.js';
import { setKeepalive } from './socket-options.js';
import type { WorkerStats } from './stats.js';

const EAGAIN = -11;
/** Connections accepted per turn: a storm of them must not starve the rest. */
const ACCEPTS_PER_TURN = 64;

class Entry implements BrickEntry {
  facts: BrickFacts;
  auth: AuthRules;
  closing = false;
  up = true;

  constructor(facts: BrickFacts) {
    this.facts = facts;
    this.auth = authRules(facts);
  }
  get name(): string {
    return this.facts.brick;
  }
  get serverName(): string {
    return this.facts.serverName;
  }
  get volumeId(): string | undefined {
    return this.facts.volumeId;
  }
  update(facts: BrickFacts): void {
    this.facts = facts;
    this.auth = authRules(facts);
  }
}

export interface ServerOptions {
  /** Module whose exports are the tasks of a worker. */
  workerModule: string;
  workers: number;
}

export class Server implements Reception {
  readonly processUuid = randomUUID();
  log = loggerFor('server');
  readonly #pool: BrickPool;
  readonly #entries = new Map<string, Entry>();
  readonly #attaching = new Map<string, Promise<void>>();
  readonly #greetings = new Set<Greeting>();
  #listener: { fd: number; poller: Poller } | null = null;
  #onFailed: (brick: string, reason: string) => void = () => {};

  constructor(options: ServerOptions) {
    this.#pool = new BrickPool(options.workerModule, options.workers, (event) => {
      const entry = this.#entries.get(event.brick);
      if (entry !== undefined) entry.up = false;
      this.#onFailed(event.brick, event.reason);
    });
  }

  // --- port ---------------------------------------------------------------------------------------------------------

  async listen(o: { host: string; port: number; family: 4 | 6; backlog: number }): Promise<{ port: number }> {
    const fd = addon.listenTcp(o.host, o.port, o.family, o.backlog);
    if (fd < 0) {
      const code = errnoName(-fd);
      throw Object.assign(new Error(`can't listen on port ${o.port}: ${code}`), { code, errno: -fd });
    }
    const poller = addon.poll(fd, () => this.#accept(fd));
    poller.set(1);
    this.#listener = { fd, poller };
    const name = addon.sockName(fd);
    return { port: typeof name === 'number' ? o.port : name[1] };
  }

  #accept(listener: number): void {
    for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
      const fd = addon.accept(listener);
      if (fd < 0) {
        if (fd !== EAGAIN) this.log.error(0, `accept failed: ${errnoName(-fd)}`);
        return;
      }
      setKeepalive(fd);
      this.#greetings.add(new Greeting(fd, this));
    }
  }

  // --- Reception ----------------------------------------------------------------------------------------------------

  findBrick(name: string): BrickEntry | undefined {
    return this.#entries.get(name);
  }

  handOver(brick: BrickEntry, handover: Handover): void {
    this.#pool.run(brick.name, 'adopt', { brick: brick.name, handover }).catch((error: unknown) => {
      this.log.error(0, `${brick.name}: the brick's worker did not take a connection: ${String(error)}`);
      addon.closeFd(handover.fd);
    });
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
      throw { brick: task.brick, errno: 17, message: 'the brick is already being served' };
    }
    try {
      const facts = await this.#pool.run(task.brick, 'attach', task);
      this.log = loggerFor(facts.serverName);
      this.#entries.set(facts.brick, new Entry(facts));
    } catch (error) {
      this.#pool.displace(task.brick);
      throw error;
    }
  }

  async reconfigure(task: BrickTask): Promise<'unchanged' | 'reconfigured'> {
    const entry = this.#entries.get(task.brick);
    if (entry === undefined) throw { brick: task.brick, errno: 2, message: 'the brick is not being served' };
    entry.update(await this.#pool.run(task.brick, 'reconfigure', task));
    return 'reconfigured';
  }

  async detach(brick: string): Promise<void> {
    const entry = this.#entries.get(brick);
    if (entry === undefined) return;
    entry.closing = true;
    await this.#pool.run(brick, 'detach', brick);
    this.#entries.delete(brick);
    this.#pool.displace(brick);
  }

  bricks(): string[] {
    return [...this.#entries.keys()];
  }

  facts(brick: string): BrickFacts | undefined {
    return this.#entries.get(brick)?.facts;
  }

  finalGraph(brick: string): string {
    const facts = this.#entries.get(brick)?.facts;
    if (facts === undefined) return '';
    const text = facts.finalGraph;
    facts.finalGraph = '';
    return text;
  }

  status(brick: string, what: string): Promise<Record<string, string | number | bigint>> {
    return this.#pool.run(brick, 'status', { brick, what });
  }

  profile(brick: string, input: Map<string, string>): Promise<Map<string, string | number | bigint>> {
    return this.#pool.run(brick, 'profile', { brick, input });
  }

  barrier(brick: string, enable: boolean): Promise<void> {
    return this.#pool.run(brick, 'barrier', { brick, enable });
  }

  async statedump(selection: Record<string, boolean>): Promise<string> {
    const parts = await Promise.all(this.#pool.inUse().map((w) => this.#pool.runOn(w, 'statedump', selection)));
    return parts.join('');
  }

  /** Numbers of every worker that has bricks; a worker that does not answer is left out. */
  async stats(): Promise<WorkerStats[]> {
    const all = await Promise.allSettled(this.#pool.inUse().map((w) => this.#pool.runOn(w, 'stats', null)));
    return all.filter((r) => r.status === 'fulfilled').map((r) => r.value);
  }

  onBrickFailed(report: (brick: string, reason: string) => void): void {
    this.#onFailed = report;
  }

  async close(): Promise<void> {
    if (this.#listener !== null) {
      this.#listener.poller.close();
      addon.closeFd(this.#listener.fd);
      this.#listener = null;
    }
    for (const g of [...this.#greetings]) g.close();
    await Promise.all(this.bricks().map((b) => this.detach(b)));
    await this.#pool.close();
  }
}
