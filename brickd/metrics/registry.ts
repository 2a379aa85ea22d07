/**
 * The server's numbers as Prometheus metrics: read from the workers when somebody scrapes, so the path of a fop pays no
 * more than its counters.
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { FOPS } from '../../mux/fops/table.js';
import type { BrickStats, WorkerStats } from '../../mux/stats.js';
import { VERSION } from '../version.js';

/** Whoever can tell the numbers: the server of the bricks. */
export interface StatsSource {
  stats(): Promise<WorkerStats[]>;
  bricks(): string[];
}

/** A metric of one value per brick. */
interface PerBrick {
  name: string;
  help: string;
  value(b: BrickStats): number | undefined;
}

const GAUGES: PerBrick[] = [
  { name: 'gluster_brick_up', help: 'Whether the brick serves (1) or has failed (0).', value: (b) => (b.up ? 1 : 0) },
  {
    name: 'gluster_brick_disk_hung',
    help: 'Whether system calls on the disk of the brick have not come back for more than a second (1) or it answers (0).',
    value: (b) => (b.diskHung ? 1 : 0),
  },
  {
    name: 'gluster_brick_capacity_bytes_total',
    help: 'Size of the file system of the brick.',
    value: (b) => b.space?.total,
  },
  { name: 'gluster_brick_capacity_free_bytes', help: 'Free space for the brick.', value: (b) => b.space?.available },
  {
    name: 'gluster_brick_capacity_used_bytes',
    help: 'Used space of the file system of the brick.',
    value: (b) => (b.space === null ? undefined : b.space.total - b.space.free),
  },
  {
    name: 'gluster_brick_inodes_total',
    help: 'Inodes of the file system of the brick.',
    value: (b) => b.space?.inodes,
  },
  { name: 'gluster_brick_inodes_free', help: 'Free inodes for the brick.', value: (b) => b.space?.inodesFree },
  { name: 'brickd_clients', help: 'Client processes connected to the brick.', value: (b) => b.clients },
  { name: 'brickd_connections', help: 'Connections bound to the brick.', value: (b) => b.connections },
  { name: 'brickd_open_fds', help: 'Files and directories that clients have open.', value: (b) => b.openFds },
  { name: 'brickd_cached_inodes', help: 'Inodes in the table of the brick.', value: (b) => b.inodes },
  { name: 'brickd_fops_in_progress', help: 'Fops under way.', value: (b) => b.callsUnderWay },
];

/** A counter whose value is kept elsewhere: text of its own, as prom-client's counters can only be incremented. */
function counterText(name: string, help: string, samples: [labels: string, value: number][]): string {
  const lines = samples.map(([labels, value]) => `${name}{${labels}} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...lines].join('\n');
}

const escaped = (s: string): string => s.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

export class Metrics {
  readonly #registry = new Registry();
  readonly #source: StatsSource;
  readonly #gauges: [PerBrick, Gauge<'brick'>][];
  readonly contentType = this.#registry.contentType;

  constructor(source: StatsSource) {
    this.#source = source;
    collectDefaultMetrics({ register: this.#registry });
    const info = new Gauge({
      name: 'brickd_build_info',
      help: 'Version of brickd; the value is always 1.',
      labelNames: ['version', 'node'],
      registers: [this.#registry],
    });
    info.set({ version: VERSION, node: process.version }, 1);
    this.#gauges = GAUGES.map((g) => [
      g,
      new Gauge({ name: g.name, help: g.help, labelNames: ['brick'] as const, registers: [this.#registry] }),
    ]);
  }

  async text(): Promise<string> {
    const bricks = (await this.#source.stats()).flatMap((w) => w.bricks);
    for (const [spec, gauge] of this.#gauges) {
      gauge.reset();
      for (const b of bricks) {
        const value = spec.value(b);
        if (value !== undefined) gauge.set({ brick: b.brick }, value);
      }
    }
    return `${await this.#registry.metrics()}\n${counters(bricks)}\n`;
  }
}

function counters(bricks: BrickStats[]): string {
  const hits: [string, number][] = [];
  const failures: [string, number][] = [];
  const bytes: [string, number][] = [];
  for (const b of bricks) {
    const brick = `brick="${escaped(b.brick)}"`;
    for (const fop of FOPS) {
      const n = b.hits[fop.number]!;
      if (n === 0) continue;
      hits.push([`${brick},fop="${fop.display}"`, n]);
      const failed = b.failures[fop.number]!;
      if (failed > 0) failures.push([`${brick},fop="${fop.display}"`, failed]);
    }
    bytes.push([`${brick},direction="read"`, b.bytesRead], [`${brick},direction="written"`, b.bytesWritten]);
  }
  return [
    counterText('brickd_fops_total', 'Fops received, by brick and fop.', hits),
    counterText('brickd_fop_failures_total', 'Fops that failed, by brick and fop.', failures),
    counterText('brickd_payload_bytes_total', 'Data read and written by fops.', bytes),
  ].join('\n');
}
