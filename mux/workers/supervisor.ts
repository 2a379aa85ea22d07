/**
 * Restarts the bricks of a failed worker in a new one. If that fails soon too, and again, one of the bricks must be the
 * cause: they are divided among workers until the faulty brick is alone. It gets some more tries, at growing intervals,
 * and is then given up; the others serve on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteString } from '../../native/bytes.js';
import { loggerFor } from '../base/log.js';
import type { BrickRegistry } from './brick-registry.js';
import type { BrickWorker } from './brick-worker.js';
import { WorkerLost, type WorkerPool } from './worker-pool.js';

export interface SupervisorRules {
  /** A worker that fails within this time of its bricks' return counts as failing for the same cause as the one before. */
  soonMs: number;
  /** Failures in a row after which bricks are not brought back together. */
  together: number;
  /** Failures in a row after which a brick that was alone is given up. */
  alone: number;
  /** Wait before the third try; each further one waits twice as long. */
  firstPauseMs: number;
  longestPauseMs: number;
}

/** About a minute and a half from a brick's first failure until it is given up. */
export const SUPERVISOR_RULES: SupervisorRules = {
  soonMs: 5000,
  together: 2,
  alone: 16,
  firstPauseMs: 100,
  longestPauseMs: 8000,
};

/** A thread that does not end has a system call under way on a disk that hangs. Its bricks don't wait any longer then. */
const END_WAIT_MS = 5000;

/** What is remembered of a worker whose bricks had been in one that failed. */
interface RestartHistory {
  /** Failures in a row before this worker. */
  failures: number;
  /** When its bricks were up again; 0: not yet. performance.now() */
  settled: number;
}

export class Supervisor {
  readonly #pool: WorkerPool;
  readonly #registry: BrickRegistry;
  readonly #rules: SupervisorRules;
  readonly #history = new WeakMap<BrickWorker, RestartHistory>();
  #stopped = false;

  constructor(pool: WorkerPool, registry: BrickRegistry, rules: SupervisorRules) {
    this.#pool = pool;
    this.#registry = registry;
    this.#rules = rules;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A worker has failed: starts its bricks again. */
  async workerDown(worker: BrickWorker): Promise<void> {
    const history = this.#history.get(worker);
    const soon =
      history !== undefined && (history.settled === 0 || performance.now() - history.settled < this.#rules.soonMs);
    const failures = soon ? history.failures + 1 : 1;
    await Promise.race([worker.ended, delay(END_WAIT_MS, undefined, { ref: false })]);
    const log = loggerFor('server');
    let bricks = this.#wanted(worker);
    const whose = bricks.length === 1 ? `brick ${bricks[0]}` : `${bricks.length} bricks`;
    log.critical(0, `the worker of ${whose} has failed: ${worker.fault}`);
    // A worker that did not even start says nothing about its bricks.
    const theirs = worker.started;
    if (failures > this.#rules.alone && (bricks.length === 1 || !theirs)) {
      const reason = `its worker has failed ${failures} times in a row: ${worker.fault.split(' | ', 1)[0]}`;
      for (const brick of bricks) this.#registry.fail(brick, reason);
      return;
    }
    await this.#pause(failures);
    bricks = this.#wanted(worker);
    if (this.#stopped || bricks.length === 0) return;
    const apart = theirs && bricks.length > 1 && failures > this.#rules.together;
    const half = Math.ceil(bricks.length / 2);
    const groups = apart ? [bricks.slice(0, half), bricks.slice(half)] : [bricks];
    await Promise.all(groups.map((group) => this.#restart(group, failures)));
  }

  /** Bricks that are still the failed worker's: they may be detached, and attached elsewhere, at any time. */
  #wanted(worker: BrickWorker): ByteString[] {
    return [...worker.bricks].filter((b) => this.#registry.wanted(b));
  }

  async #pause(failures: number): Promise<void> {
    if (failures < 2) return;
    const { firstPauseMs, longestPauseMs } = this.#rules;
    await delay(Math.min(firstPauseMs * 2 ** (failures - 2), longestPauseMs), undefined, { ref: false });
  }

  async #restart(bricks: ByteString[], failures: number): Promise<void> {
    let worker: BrickWorker;
    try {
      worker = this.#pool.start();
    } catch (error) {
      for (const brick of bricks) this.#registry.fail(brick, `no worker can be started for it: ${String(error)}`);
      return;
    }
    worker.suspect = true;
    const history: RestartHistory = { failures, settled: 0 };
    this.#history.set(worker, history);
    // At once: should this worker fail, too, it is known whose it was.
    for (const brick of bricks) this.#pool.move(brick, worker);
    await Promise.all(bricks.map((brick) => this.#startBrick(brick, worker)));
    history.settled = performance.now();
    if (!worker.alive) return;
    loggerFor('server').info(
      0,
      `${bricks.length === 1 ? `brick ${bricks[0]} is` : `${bricks.length} bricks are`} back`,
    );
    await delay(this.#rules.soonMs, undefined, { ref: false });
    worker.suspect = false;
  }

  async #startBrick(name: ByteString, worker: BrickWorker): Promise<void> {
    try {
      await this.#registry.registered(name).restart((task) => this.#pool.runOn(worker, 'attach', task));
    } catch (error) {
      // A worker that fails while the brick starts is a case of its own.
      if (error instanceof WorkerLost) return;
      this.#registry.fail(name, error instanceof Error ? error.message : String(error));
    }
  }
}
