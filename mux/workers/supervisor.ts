/**
 * What happens to the bricks of a worker that has failed: they start again in a fresh one. If that fails soon, too, and again,
 * one of them must be what makes workers fail: they are divided among workers until it is alone. The others are rid of it
 * then; it gets some more tries, at growing intervals, and is given up.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteString } from '../../native/bytes.js';
import { loggerFor } from '../base/log.js';
import type { BrickWorker } from './brick-worker.js';
import { type BrickPool, WorkerLost } from './worker-pool.js';

export interface RevivalRules {
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
export const REVIVAL_RULES: RevivalRules = {
  soonMs: 5000,
  together: 2,
  alone: 16,
  firstPauseMs: 100,
  longestPauseMs: 8000,
};

/** A thread that does not end has a system call under way on a disk that hangs. Its bricks don't wait any longer then. */
const END_WAIT_MS = 5000;

/** The server's part. */
export interface Returning {
  /** Whether a brick of a failed worker is to come back at all. */
  wanted(brick: ByteString): boolean;
  /** Starts a brick again. Rejects with a BrickFailure, or with {@link WorkerLost}. */
  start(brick: ByteString, worker: BrickWorker): Promise<void>;
  giveUp(brick: ByteString, reason: string): void;
}

interface Record {
  /** Failures in a row before this worker. */
  failures: number;
  /** When its bricks were back; 0: not yet. performance.now() */
  settled: number;
}

export class Revival {
  readonly #pool: BrickPool;
  readonly #server: Returning;
  readonly #rules: RevivalRules;
  readonly #records = new WeakMap<BrickWorker, Record>();
  #stopped = false;

  constructor(pool: BrickPool, server: Returning, rules: RevivalRules) {
    this.#pool = pool;
    this.#server = server;
    this.#rules = rules;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A worker has failed: brings its bricks back. */
  async down(worker: BrickWorker): Promise<void> {
    const record = this.#records.get(worker);
    const soon =
      record !== undefined && (record.settled === 0 || performance.now() - record.settled < this.#rules.soonMs);
    const failures = soon ? record.failures + 1 : 1;
    await Promise.race([worker.ended, delay(END_WAIT_MS, undefined, { ref: false })]);
    const log = loggerFor('server');
    let bricks = this.#wanted(worker);
    const whose = bricks.length === 1 ? `brick ${bricks[0]}` : `${bricks.length} bricks`;
    log.critical(0, `the worker of ${whose} has failed: ${worker.fault}`);
    // A worker that did not even start says nothing about its bricks.
    const theirs = worker.started;
    if (failures > this.#rules.alone && (bricks.length === 1 || !theirs)) {
      const reason = `its worker has failed ${failures} times in a row: ${worker.fault.split(' | ', 1)[0]}`;
      for (const brick of bricks) this.#server.giveUp(brick, reason);
      return;
    }
    await this.#pause(failures);
    bricks = this.#wanted(worker);
    if (this.#stopped || bricks.length === 0) return;
    const apart = theirs && bricks.length > 1 && failures > this.#rules.together;
    const half = Math.ceil(bricks.length / 2);
    const groups = apart ? [bricks.slice(0, half), bricks.slice(half)] : [bricks];
    await Promise.all(groups.map((group) => this.#bringBack(group, failures)));
  }

  /** Bricks that are still the failed worker's: they may be detached, and attached elsewhere, at any time. */
  #wanted(worker: BrickWorker): ByteString[] {
    return [...worker.bricks].filter((b) => this.#server.wanted(b));
  }

  async #pause(failures: number): Promise<void> {
    if (failures < 2) return;
    const { firstPauseMs, longestPauseMs } = this.#rules;
    await delay(Math.min(firstPauseMs * 2 ** (failures - 2), longestPauseMs), undefined, { ref: false });
  }

  async #bringBack(bricks: ByteString[], failures: number): Promise<void> {
    let worker: BrickWorker;
    try {
      worker = this.#pool.start();
    } catch (error) {
      for (const brick of bricks) this.#server.giveUp(brick, `no worker can be started for it: ${String(error)}`);
      return;
    }
    worker.suspect = true;
    const record: Record = { failures, settled: 0 };
    this.#records.set(worker, record);
    // At once: should this worker fail, too, it is known whose it was.
    for (const brick of bricks) this.#pool.move(brick, worker);
    await Promise.all(bricks.map((brick) => this.#start(brick, worker)));
    record.settled = performance.now();
    if (!worker.alive) return;
    loggerFor('server').info(
      0,
      `${bricks.length === 1 ? `brick ${bricks[0]} is` : `${bricks.length} bricks are`} back`,
    );
    await delay(this.#rules.soonMs, undefined, { ref: false });
    worker.suspect = false;
  }

  async #start(brick: ByteString, worker: BrickWorker): Promise<void> {
    try {
      await this.#server.start(brick, worker);
    } catch (error) {
      // A worker that fails while the brick starts is a case of its own.
      if (error instanceof WorkerLost) return;
      this.#server.giveUp(brick, (error as { message?: string }).message ?? String(error));
    }
  }
}
