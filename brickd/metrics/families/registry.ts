/**
 * The server's numbers as Prometheus metrics: read from the workers when somebody scrapes, so the path of a fop pays no
 * more than its counters.
 */
import { type BrickStats, threadStats, type WorkerStats } from '../../../mux/brick/views/brick-stats.js';
import type { ByteString } from '../../../native/bytes.js';
import type { BrickSummary, ServerState } from '../../brick-server.js';
import { downReason } from './brick-down.js';
import { BRICK_FAMILIES } from './brick-families.js';
import { head, Writer } from './exposition.js';
import { BrickNames } from './names.js';
import { PROCESS_FAMILIES, type Snapshot } from './process-families.js';
import { standardMetrics } from './standard.js';

/** Whoever can tell the numbers: the server of the bricks. */
export interface StatsSource {
  stats(): Promise<WorkerStats[]>;
  bricks(): ByteString[];
  state(): ServerState;
}

export interface MetricsOptions {
  /** Label cluster_id of the metrics that gluster-prometheus has too. */
  clusterId?: string;
  /** Folder of glusterd. */
  glusterd?: string;
}

const GLUSTERD = '/var/lib/glusterd';

export class Metrics {
  readonly #standard = standardMetrics();
  readonly #source: StatsSource;
  readonly #names: BrickNames;

  constructor(source: StatsSource, options: MetricsOptions = {}) {
    this.#source = source;
    this.#names = new BrickNames(options.clusterId ?? '', options.glusterd ?? GLUSTERD);
  }

  async #snapshot(): Promise<Snapshot> {
    const start = performance.now();
    const before = new Set(this.#source.bricks());
    const workers = await this.#source.stats();
    const gatherSec = (performance.now() - start) / 1000;
    const server = this.#source.state();
    const stats = new Map<ByteString, BrickStats>();
    const bricksOfThread = new Map<number, number>();
    for (const w of workers) {
      bricksOfThread.set(w.thread, w.bricks.length);
      for (const b of w.bricks) stats.set(b.brick, b);
    }
    await this.#names.refresh(server.bricks);
    return {
      // One that has been attached meanwhile is told of next time.
      bricks: server.bricks
        .filter(({ brick }) => before.has(brick) || stats.has(brick))
        .map((state: BrickSummary) => ({
          state,
          labels: this.#names.labels(state),
          stats: stats.get(state.brick),
          down: downReason(state, stats.get(state.brick), server.glusterdConnected),
        })),
      threads: [threadStats(), ...workers],
      bricksOfThread,
      server,
      gatherSec,
      longestSliceSec: Math.max(0, ...workers.map((w) => w.longestSliceSec)),
    };
  }

  /** The text in pieces, as they get ready. */
  async *pieces(): AsyncGenerator<string> {
    yield await this.#standard.metrics();
    const snapshot = await this.#snapshot();
    const writer = new Writer();
    for (const family of PROCESS_FAMILIES) {
      const samples = family.samples(snapshot, family.name);
      if (samples !== '') writer.add(`${head(family)}${samples}`);
    }
    for (const family of BRICK_FAMILIES) {
      let begun = false;
      for (const brick of snapshot.bricks) {
        const samples = family.samples(brick, family.name);
        if (samples === '') continue;
        if (!begun) writer.add(head(family));
        begun = true;
        writer.add(samples);
        if (writer.full) yield writer.take();
        if (writer.due) await writer.pause();
      }
    }
    yield writer.take();
  }

  async text(): Promise<string> {
    let text = '';
    for await (const piece of this.pieces()) text += piece;
    return text;
  }
}
