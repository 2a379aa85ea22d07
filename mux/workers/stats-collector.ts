/** Collects the statistics of all workers. A worker that does not answer is left out after a while. */
import type { BrickSlowFops } from '../brick/slow-fops.js';
import type { WorkerStats } from '../brick/views/brick-stats.js';
import type { BrickWorker } from './brick-worker.js';
import type { WorkerPool } from './worker-pool.js';

/** How long the numbers of a worker are waited for: longer than it waits for the disks of its bricks. */
const STATS_WAIT_MS = 3000;

export class StatsCollector {
  readonly #pool: WorkerPool;
  readonly #asked = new Map<BrickWorker, Promise<WorkerStats | null>>();

  constructor(pool: WorkerPool) {
    this.#pool = pool;
  }

  /** Numbers of every worker that has bricks; a worker that does not answer in time is left out. */
  async collect(): Promise<WorkerStats[]> {
    const all = await Promise.all(this.#pool.inUse().map((w) => within(STATS_WAIT_MS, this.#statsOf(w))));
    return all.filter((w) => w !== null);
  }

  /** Slow fops of every worker's bricks; a worker that does not answer in time is left out. */
  async slow(): Promise<BrickSlowFops[]> {
    const ask = (w: BrickWorker) => this.#pool.runOn(w, 'slow', null).catch(() => null);
    const all = await Promise.all(this.#pool.inUse().map((w) => within(STATS_WAIT_MS, ask(w))));
    return all.flatMap((bricks) => bricks ?? []);
  }

  /** Concurrent callers share one request: a worker that does not answer must not be asked again and again. */
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
}

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
