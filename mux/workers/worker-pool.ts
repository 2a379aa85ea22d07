/**
 * The pool of brick workers. Piscina carries the control tasks; a brick's tasks always go to the worker that owns it.
 * Fops never pass here: they arrive on the worker's own connections. Workers start as bricks come, up to a limit; a new
 * brick goes to the least loaded one.
 */
import { Piscina } from 'piscina';
import { defined } from '../../native/assert.js';
import type { ByteString } from '../../native/bytes.js';
import { BrickError } from '../base/brick-error.js';
import { background } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import type { BrickFacts } from '../brick/brick-facts.js';
import type { BrickSlowFops } from '../brick/slow-fops.js';
import type { WorkerStats } from '../brick/views/brick-stats.js';
import type { DumpPart } from '../brick/views/statedump.js';
import type { Handover } from '../handshake/handshake.js';
import type { QosWorkerData } from '../qos/bucket.js';
import { bucketMemory } from '../qos/bucket.js';
import { BrickWorker, type Route, type WorkerReports } from './brick-worker.js';
import { startMainThreadTrim } from './idle-trim.js';
import type { BrickTask } from './worker-protocol.js';

const log = loggerFor('workers');

/** Exported functions of the worker module, with argument and result. */
export interface WorkerTasks {
  attach(task: BrickTask): BrickFacts;
  reconfigure(task: BrickTask): BrickFacts;
  detach(brick: ByteString): void;
  adopt(task: { brick: ByteString; handover: Handover }): void;
  status(task: { brick: ByteString; what: string }): Record<string, string | number | bigint>;
  profile(task: { brick: ByteString; input: Map<string, string> }): Map<string, string | number | bigint>;
  barrier(task: { brick: ByteString; enable: boolean }): void;
  statedump(task: Record<string, boolean>): DumpPart;
  slow(task: null): BrickSlowFops[];
  stats(task: null): WorkerStats;
  fail(kind: FaultKind): void;
}
export type TaskName = keyof WorkerTasks;
export type Argument<N extends TaskName> = Parameters<WorkerTasks[N]>[0];
export type Result<N extends TaskName> = ReturnType<WorkerTasks[N]>;

/** Ways in which a worker can be made to fail, for tests. */
export const FAULT_KINDS = ['throw', 'reject', 'exit', 'memory', 'terminate'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PoolOptions {
  /** Module whose exports are the tasks of a worker. */
  workerModule: string;
  /** Workers at most; more run only while a failing brick is being singled out. */
  workers: number;
  /** Bound of a worker's JavaScript memory; 0 or none: the engine's own. A worker that meets it ends. */
  heapMiB?: number;
}

/** What a task is rejected with when its worker fails meanwhile. */
export class WorkerLost extends Error {
  constructor() {
    super('the worker that served the brick has failed');
  }
}

/** Control tasks that one worker may have under way: attaches of a whole node, adoptions of a burst of clients. */
const TASKS_PER_WORKER = 4096;
/** Threads beyond the bound, for bricks that are being singled out: halving a thousand takes ten. */
const SPARE_THREADS = 64;
/** How often the load of several workers is looked at. */
const SAMPLE_MS = 5000;
/** A worker that is busy all the time counts as one with so many idle bricks more. */
const BUSY_AS_BRICKS = 16;

export class WorkerPool {
  readonly #piscina: Piscina;
  readonly #placement = new Map<ByteString, BrickWorker>();
  readonly #workers = new Set<BrickWorker>();
  readonly #most: number;
  readonly #reports: WorkerReports;
  readonly #endTrim: () => void;
  #sampling: NodeJS.Timeout | null = null;

  constructor(options: PoolOptions, reports: WorkerReports) {
    this.#most = Math.max(1, options.workers);
    this.#reports = {
      event: (event) => reports.event(event),
      down: (worker) => {
        this.#workers.delete(worker);
        reports.down(worker);
      },
    };
    this.#piscina = new Piscina({
      filename: options.workerModule,
      workerData: { qosBuckets: bucketMemory() } satisfies QosWorkerData,
      minThreads: 0,
      maxThreads: this.#most + SPARE_THREADS,
      concurrentTasksPerWorker: TASKS_PER_WORKER,
      idleTimeout: Number.POSITIVE_INFINITY,
      // A worker owns sockets: it must never wait for tasks in a way that stops its event loop.
      atomics: 'disabled',
      workerHistogram: false,
      recordTiming: false,
      ...(options.heapMiB ? { resourceLimits: { maxOldGenerationSizeMb: options.heapMiB } } : {}),
      loadBalancer: (task, workers) => {
        const route = (task as unknown as Record<symbol, Route>)[Piscina.queueOptionsSymbol];
        const { threadId } = defined(route, 'every task is routed to the worker of its brick');
        return workers.find((w) => w.id === threadId) ?? null;
      },
    });
    this.#piscina.on('workerCreate', ({ id }: { id: number }) => {
      for (const w of this.#workers) if (w.route.threadId === id) w.listed();
    });
    // Each worker listens to its thread by itself.
    this.#piscina.on('error', () => {});
    // The first one starts while the daemon gets hold of the volfile.
    this.start();
    this.#endTrim = startMainThreadTrim();
  }

  get workers(): ReadonlySet<BrickWorker> {
    return this.#workers;
  }

  /** Threads that Piscina has: never more than workers. */
  get threads(): number {
    return this.#piscina.threads.length;
  }

  /** Starts a further worker, beyond the bound too. */
  start(): BrickWorker {
    const worker = new BrickWorker(this.#piscina, this.#reports);
    this.#workers.add(worker);
    if (this.#workers.size > 1 && this.#sampling === null) {
      this.#sampling = setInterval(() => {
        for (const w of this.#workers) w.sample();
      }, SAMPLE_MS);
      this.#sampling.unref();
    }
    return worker;
  }

  /** The worker of a brick; a new brick gets a worker of its own while there may be more, else the one with least to do. */
  place(brick: ByteString): BrickWorker {
    const known = this.#placement.get(brick);
    if (known !== undefined) return known;
    const fit = [...this.#workers].filter((w) => !w.suspect);
    let chosen: BrickWorker | undefined;
    for (const w of fit) if (chosen === undefined || weight(w) < weight(chosen)) chosen = w;
    const more = this.#workers.size < this.#most && fit.every((w) => w.bricks.size > 0);
    if (chosen === undefined || more) chosen = this.start();
    this.move(brick, chosen);
    return chosen;
  }

  /** Has a brick belong to a worker from now on. */
  move(brick: ByteString, worker: BrickWorker): void {
    this.#placement.get(brick)?.bricks.delete(brick);
    this.#placement.set(brick, worker);
    worker.bricks.add(brick);
  }

  /** A brick is no more. A worker beyond the bound goes with its last brick. */
  displace(brick: ByteString): void {
    const worker = this.#placement.get(brick);
    if (worker === undefined) return;
    this.#placement.delete(brick);
    worker.bricks.delete(brick);
    if (worker.bricks.size > 0 || this.#workers.size <= this.#most || !this.#workers.delete(worker)) return;
    background(worker.stop(), log, 'ending a worker failed');
  }

  workerOf(brick: ByteString): BrickWorker | undefined {
    return this.#placement.get(brick);
  }

  /** Runs a task on the worker that owns the brick. Rejects with {@link WorkerLost} when that fails meanwhile. */
  run<N extends TaskName>(brick: ByteString, name: N, argument: Argument<N>): Promise<Result<N>> {
    const worker = this.#placement.get(brick);
    return worker === undefined ? Promise.reject(new WorkerLost()) : this.runOn(worker, name, argument);
  }

  async runOn<N extends TaskName>(worker: BrickWorker, name: N, argument: Argument<N>): Promise<Result<N>> {
    let lost: () => void = () => {};
    try {
      return await new Promise<Result<N>>((resolve, reject) => {
        lost = () => reject(new WorkerLost());
        worker.waiting.add(lost);
        worker.ready
          .then(() => {
            if (!worker.alive) return;
            const task = { argument, [Piscina.queueOptionsSymbol]: worker.route };
            (this.#piscina.run(task, { name }) as Promise<Result<N>>).then(resolve, reject);
          })
          .catch(reject);
        if (!worker.alive) lost();
      });
    } catch (error) {
      throw worker.alive ? BrickError.revive(error) : new WorkerLost();
    } finally {
      worker.waiting.delete(lost);
    }
  }

  /** Every worker that has bricks. */
  inUse(): BrickWorker[] {
    return [...this.#workers].filter((w) => w.bricks.size > 0);
  }

  async close(): Promise<void> {
    this.#endTrim();
    if (this.#sampling !== null) clearInterval(this.#sampling);
    await Promise.all([...this.#workers].map((w) => w.stop()));
    await this.#piscina.destroy();
  }
}

/** How much there is to do for a worker, in idle bricks. */
function weight(worker: BrickWorker): number {
  return worker.bricks.size + worker.busy * BUSY_AS_BRICKS;
}
