/** Metrics of the process and its threads. */
import { totalmem } from 'node:os';
import { Severity } from '../../../mux/base/log.js';
import type { BrickStats, WorkerStats } from '../../../mux/brick/views/brick-stats.js';
import { LATENCY_BOUNDS_SEC, latencyOf } from '../../../mux/stats/fop-stats.js';
import { addon } from '../../../native/addon.js';
import type { ServerState } from '../../brick-server.js';
import { VERSION } from '../../version.js';
import type { BrickView } from './brick-family.js';
import { boundLabels, histogram, labels, type MetricHead, sample } from './exposition.js';

/** All that one scrape tells. */
export interface Snapshot {
  bricks: BrickView[];
  /** The main thread, numbered 0, and the workers. */
  threads: Omit<WorkerStats, 'bricks' | 'longestSliceSec'>[];
  /** Bricks by number of the thread that has them. */
  bricksOfThread: ReadonlyMap<number, number>;
  server: ServerState;
  /** How long the workers took to answer, in seconds. */
  gatherSec: number;
  longestSliceSec: number;
}

export interface ProcessFamily extends MetricHead {
  labels: string;
  samples(s: Snapshot, name: string): string;
}

const BOUNDS = boundLabels(LATENCY_BOUNDS_SEC);
const STATES = ['up', 'starting', 'returning', 'stopping', 'withheld', 'failed'] as const;

const LOG_LEVELS = Object.entries(Severity).filter(([level]) => level !== 'none');

type Space = NonNullable<BrickStats['space']>;
type Thread = Snapshot['threads'][number];

function ofThreads(
  type: MetricHead['type'],
  name: string,
  help: string,
  value: (t: Thread, s: Snapshot) => number,
): ProcessFamily {
  const samples: ProcessFamily['samples'] = (s, name) =>
    s.threads.map((t) => sample(name, `thread="${t.thread}"`, value(t, s))).join('');
  return { type, name, help, labels: 'thread', samples };
}

function one(type: MetricHead['type'], name: string, help: string, value: (s: Snapshot) => number): ProcessFamily {
  return { type, name, help, labels: '', samples: (s, name) => sample(name, '', value(s)) };
}

/** As gluster-prometheus tells of processes: by the first brick of each. */
function asGlusterPrometheus(name: string, help: string, value: () => number): ProcessFamily {
  return {
    type: 'gauge',
    name,
    help,
    labels: 'cluster_id, volume, peerid, brick_path, name',
    samples: ({ bricks }, name) => (bricks[0] === undefined ? '' : sample(name, bricks[0].labels.process, value())),
  };
}

/** A number of the sub-volumes that the process has bricks with data of: theirs is made of those of their bricks. */
function ofSubvolumes(
  name: string,
  help: string,
  value: (s: Space) => number,
  choose: (a: number, b: number) => number,
): ProcessFamily {
  return {
    type: 'gauge',
    name,
    help,
    labels: 'cluster_id, volume, subvolume',
    samples: ({ bricks }, name) => {
      const found = new Map<string, number>();
      for (const { labels, stats } of bricks) {
        const { subvolume } = labels;
        if (subvolume === undefined || subvolume.arbiter || !stats?.space) continue;
        const own = value(stats.space) * subvolume.dataBricks;
        const other = found.get(subvolume.labels);
        found.set(subvolume.labels, other === undefined ? own : choose(other, own));
      }
      return [...found].map(([within, v]) => sample(name, within, v)).join('');
    },
  };
}

const cpuSec = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

export const PROCESS_FAMILIES: readonly ProcessFamily[] = [
  {
    type: 'gauge',
    name: 'brickd_build_info',
    help: 'Version of brickd; the value is always 1.',
    labels: 'version, node',
    samples: (_s, name) => sample(name, labels({ version: VERSION, node: process.version }), 1),
  },
  {
    type: 'gauge',
    name: 'brickd_bricks',
    help: 'Bricks of the process by state; returning: their worker has failed and is being replaced; withheld: see brickd_brick_unapplied_options.',
    labels: 'state',
    samples: ({ bricks, server }, name) => {
      const of = (state: string): number => bricks.filter((b) => b.state.state === state).length;
      return STATES.map((state) =>
        sample(name, `state="${state}"`, state === 'starting' ? server.attaching : of(state)),
      ).join('');
    },
  },
  one('counter', 'brickd_attaches_total', 'Bricks that were started.', (s) => s.server.attaches),
  one('counter', 'brickd_attach_failures_total', 'Bricks that failed to start.', (s) => {
    return s.server.attachFailures;
  }),
  one('counter', 'brickd_worker_failures_total', 'Workers that failed and were replaced.', (s) => {
    return s.server.workerFailures;
  }),
  {
    type: 'counter',
    name: 'brickd_refused_logins_total',
    help: "Clients that were not let in; denied: by a volume's rules; other: what they asked for is not there, or not yet.",
    labels: 'reason',
    samples: ({ server: { refusedLogins: r } }, name) =>
      r === undefined ? '' : sample(name, 'reason="denied"', r.denied) + sample(name, 'reason="other"', r.other),
  },
  {
    type: 'counter',
    name: 'brickd_log_lines_total',
    help: 'Lines for the log, by level; those that were held back as repetitions count as well.',
    labels: 'level',
    samples: ({ server: { logLines } }, name) =>
      logLines === undefined
        ? ''
        : LOG_LEVELS.map(([level, n]) => sample(name, `level="${level}"`, logLines[n] ?? 0)).join(''),
  },
  {
    type: 'gauge',
    name: 'brickd_glusterd_connected',
    help: 'Whether the process is connected to its glusterd (1) or not (0); absent without glusterd.',
    labels: '',
    samples: ({ server }, name) =>
      server.glusterdConnected === undefined ? '' : sample(name, '', server.glusterdConnected ? 1 : 0),
  },
  {
    type: 'gauge',
    name: 'brickd_metrics_listening',
    help: 'Whether metrics are served at an address of the settings (1) or it cannot be had (0), as when its ports are used up.',
    labels: 'address',
    samples: ({ server }, name) =>
      (server.addresses ?? [])
        .map(({ address, listening }) => sample(name, labels({ address }), listening ? 1 : 0))
        .join(''),
  },
  ofThreads('gauge', 'brickd_thread_bricks', 'Bricks that the thread serves; thread 0 is the main one.', (t, s) => {
    return s.bricksOfThread.get(t.thread) ?? 0;
  }),
  ofThreads('gauge', 'brickd_thread_heap_used_bytes', 'JavaScript memory in use.', (t) => t.heapBytes),
  ofThreads('gauge', 'brickd_thread_heap_size_bytes', 'JavaScript memory taken from the system.', (t) => {
    return t.heapTotalBytes;
  }),
  ofThreads('gauge', 'brickd_thread_heap_limit_bytes', 'Limit of JavaScript memory.', (t) => t.heapLimitBytes),
  ofThreads('gauge', 'brickd_thread_external_bytes', 'Memory of buffers that JavaScript objects own.', (t) => {
    return t.externalBytes;
  }),
  ofThreads('counter', 'brickd_event_loop_active_seconds_total', 'Time that the event loop was at work.', (t) => {
    return t.loopActiveSec;
  }),
  ofThreads('counter', 'brickd_event_loop_idle_seconds_total', 'Time that the event loop waited for events.', (t) => {
    return t.loopIdleSec;
  }),
  {
    type: 'histogram',
    name: 'brickd_event_loop_delay_seconds',
    help: 'How much later than due a timer of the thread ran; measured from the first scrape on.',
    labels: 'thread',
    samples: ({ threads }, name) =>
      threads
        .map((t) => {
          const { buckets, sumSec } = latencyOf(0, t.loopDelay);
          return histogram(name, `thread="${t.thread}"`, BOUNDS, buckets, sumSec);
        })
        .join(''),
  },
  one('gauge', 'brickd_pool_threads', 'Threads for blocking system calls.', () => addon.poolStatus()[0]),
  one('gauge', 'brickd_pool_threads_idle', 'Idle threads for blocking system calls.', () => {
    return addon.poolStatus()[1];
  }),
  one('gauge', 'brickd_pool_threads_stuck', 'Threads in a system call for more than a second.', () => {
    return addon.poolStatus()[2];
  }),
  one('gauge', 'brickd_gather_seconds', 'Time that the workers took to collect the statistics of this scrape.', (s) => {
    return s.gatherSec;
  }),
  one(
    'gauge',
    'brickd_gather_longest_pause_seconds',
    'Longest time that collecting the statistics of this scrape blocked a worker.',
    (s) => s.longestSliceSec,
  ),
  ofSubvolumes(
    'gluster_subvol_capacity_used_bytes',
    'Used space of a sub-volume: that of its fullest brick in the process.',
    (s) => s.total - s.free,
    Math.max,
  ),
  ofSubvolumes(
    'gluster_subvol_capacity_total_bytes',
    'Size of a sub-volume: that of its smallest brick in the process.',
    (s) => s.total,
    Math.min,
  ),
  asGlusterPrometheus('gluster_resident_memory_bytes', 'Resident memory of the brick process.', () => {
    return process.memoryUsage.rss();
  }),
  asGlusterPrometheus(
    'gluster_memory_percentage',
    'Resident memory of the brick process, of all in the machine.',
    () => {
      return (process.memoryUsage.rss() / totalmem()) * 100;
    },
  ),
  asGlusterPrometheus('gluster_cpu_percentage', 'CPU time of the brick process, of the time that it has run.', () => {
    return (cpuSec() / process.uptime()) * 100;
  }),
  asGlusterPrometheus('gluster_elapsed_time_seconds', 'Time that the brick process has run.', () => process.uptime()),
];
