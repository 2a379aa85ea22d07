/**
 * The server on the main thread: composes the listener, the registry of bricks, the worker pool and the supervisor, and
 * sends each request to the worker of its brick.
 *
 *   main thread    Server
 *                    Listener ----- a connection until SETVOLUME ---> Handshake
 *                    BrickRegistry  state of each brick
 *                    WorkerPool --- control tasks: attach, adopt, reconfigure, status ... ---+
 *                    Supervisor     restarts the bricks of a failed worker                   |
 *                                                                                            v
 *   worker 1..n    BrickHost        Brick ... Brick, each with its clients and their sessions (no fop leaves the worker)
 *                                                                                            |
 *   native pool    threads of the addon, shared by all workers: system calls that may block <-+
 */

import { randomUUID } from 'node:crypto';
import type { ByteString } from '../../native/bytes.js';
import { BrickError } from '../base/brick-error.js';
import { background } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import type { BrickFacts, Unapplied } from '../brick/brick-facts.js';
import type { BrickSlowFops } from '../brick/slow-fops.js';
import type { WorkerStats } from '../brick/views/brick-stats.js';
import { joinParts } from '../brick/views/statedump.js';
import type { Handover, HandshakeBrick } from '../handshake/handshake.js';
import type { TlsProfile } from '../tls/tls-profile.js';
import { BrickRegistry } from './brick-registry.js';
import type { BrickWorker } from './brick-worker.js';
import { handOver } from './handover.js';
import { type ListenAddress, Listener, type ListenerOwner } from './listener.js';
import { StatsCollector } from './stats-collector.js';
import { SUPERVISOR_RULES, Supervisor, type SupervisorRules } from './supervisor.js';
import {
  type Argument,
  type FaultKind,
  type PoolOptions,
  type Result,
  type TaskName,
  WorkerLost,
  WorkerPool,
} from './worker-pool.js';
import type { BrickTask } from './worker-protocol.js';

export interface ServerOptions extends PoolOptions {
  supervision?: SupervisorRules;
}

export class Server implements ListenerOwner {
  readonly processUuid = randomUUID();
  log = loggerFor('server');
  readonly #listener = new Listener(this);
  readonly #registry = new BrickRegistry();
  readonly #pool: WorkerPool;
  readonly #supervisor: Supervisor;
  readonly #stats: StatsCollector;
  readonly #attaching = new Map<ByteString, Promise<void>>();
  /** Since the start. */
  #attaches = 0;
  #attachFailures = 0;
  #workerFailures = 0;

  constructor(options: ServerOptions) {
    this.#pool = new WorkerPool(options, {
      event: (event) => {
        if (event.event === 'failed') this.#registry.fail(event.brick, event.reason);
      },
      down: (worker) => this.#workerDown(worker),
    });
    this.#supervisor = new Supervisor(this.#pool, this.#registry, options.supervision ?? SUPERVISOR_RULES);
    this.#stats = new StatsCollector(this.#pool);
  }

  #workerDown(worker: BrickWorker): void {
    this.#workerFailures++;
    this.#registry.workerLost(worker.bricks);
    this.#supervisor.workerDown(worker).catch((error: unknown) => {
      this.log.error(0, `restarting the bricks of a failed worker failed: ${String(error)}`);
      for (const brick of worker.bricks) this.#registry.fail(brick, String(error));
    });
  }

  // --- connections --------------------------------------------------------------------------------------------------

  async listen(address: ListenAddress): Promise<{ port: number }> {
    return this.#listener.listen(address);
  }

  findBrick(name: ByteString): HandshakeBrick | undefined {
    return this.#registry.get(name);
  }

  *tlsProfiles(): Iterable<TlsProfile | null> {
    for (const brick of this.#registry.all()) yield brick.tls;
  }

  handOver(brick: HandshakeBrick, handover: Handover): void {
    background(handOver(this.#pool, brick, handover, this.log), this.log, `${brick.name}: a connection is lost`);
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
    if (this.#registry.has(task.brick)) throw new BrickError('BRICK_ALREADY_SERVED', task.brick);
    try {
      const facts = await this.#bringUp(task);
      this.log = loggerFor(facts.serverName);
      this.#registry.add(task, facts);
      this.#attaches++;
      if (facts.tls !== null) background(this.#tryTls(facts.brick), this.log, 'looking at certificates has failed');
    } catch (error) {
      this.#attachFailures++;
      this.#pool.displace(task.brick);
      throw error;
    }
  }

  /** Tells now, not when the first client comes, what keeps TLS from working. */
  async #tryTls(brick: ByteString): Promise<void> {
    await this.#listener.tls.current().catch((error: Error) => {
      this.log.error(0, `${brick}: TLS clients are refused until this is mended: ${error.message}`);
    });
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
      const message = `its worker failed while the brick started: ${worker.fault}`;
      throw new BrickError('WORKER_FAILED_AT_START', task.brick, { message });
    } finally {
      worker.suspect = false;
    }
  }

  /** Runs a task for a brick that is served; waits for one whose worker has failed. */
  async #run<N extends TaskName>(name: ByteString, task: N, argument: Argument<N>): Promise<Result<N>> {
    const brick = this.#registry.get(name);
    await brick?.waitUntilUp(Number.POSITIVE_INFINITY);
    if (brick === undefined || brick.state === 'failed' || this.#registry.get(name) !== brick) {
      throw new BrickError('BRICK_NOT_SERVED', name);
    }
    try {
      return await this.#pool.run(name, task, argument);
    } catch (error) {
      if (error instanceof WorkerLost) throw new BrickError('WORKER_LOST', name);
      throw error;
    }
  }

  /** Resolves with what of the new volfile is not in effect; rejects when all of it is not. */
  async reconfigure(task: BrickTask): Promise<readonly Unapplied[]> {
    let facts: BrickFacts;
    try {
      facts = await this.#run(task.brick, 'reconfigure', task);
    } catch (error) {
      this.#registry.get(task.brick)?.notReconfigured(error instanceof Error ? error.message : String(error));
      throw error;
    }
    this.#registry.get(task.brick)?.reconfigured(task, facts);
    return facts.unapplied;
  }

  async detach(name: ByteString): Promise<void> {
    const brick = this.#registry.get(name);
    if (brick === undefined) return;
    await brick.stop();
    try {
      await this.#pool.run(name, 'detach', name);
    } catch (error) {
      // A brick whose worker has gone is as good as detached.
      if (!(error instanceof WorkerLost)) throw error;
    }
    if (this.#registry.remove(brick)) this.#pool.displace(name);
  }

  bricks(): ByteString[] {
    return this.#registry.names();
  }

  finalGraph(brick: ByteString): string {
    return this.#registry.get(brick)?.takeFinalGraph() ?? '';
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

  stats(): Promise<WorkerStats[]> {
    return this.#stats.collect();
  }

  slowFops(): Promise<BrickSlowFops[]> {
    return this.#stats.slow();
  }

  /** What is known of the bricks without asking their workers. */
  state() {
    return {
      bricks: this.#registry.summaries(),
      attaching: this.#attaching.size,
      attaches: this.#attaches,
      attachFailures: this.#attachFailures,
      workerFailures: this.#workerFailures,
      refusedLogins: { ...this.#listener.refusals },
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
    this.#registry.onFailed = report;
  }

  async close(): Promise<void> {
    this.#listener.closePort();
    this.#supervisor.stop();
    this.#listener.closeHandshakes();
    await Promise.all(this.bricks().map((b) => this.detach(b)));
    await this.#pool.close();
  }
}
