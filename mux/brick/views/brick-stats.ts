/** Collects the statistics of a worker's bricks for metrics and the status page, on request. */
import { getHeapStatistics } from 'node:v8';
import { threadId } from 'node:worker_threads';
import type { ByteString } from '../../../native/bytes.js';
import type { QosStats } from '../../qos/stats.js';
import { loopDelay } from '../../stats/loop-delay.js';
import { FopError } from '../../xlator/fop-error.js';
import { pathOf } from '../../xlator/known-path.js';
import type { LayerNumbers } from '../../xlator/translator.js';
import type { WaitPlace } from '../../xlator/waits.js';
import type { Brick } from '../brick.js';
import type { ClientState } from '../client.js';
import type { SlowFop } from '../slow-fops.js';
import { TOP_CLIENTS } from '../top-clients.js';

/** One client process of a brick. */
export interface ClientStats {
  uid: string;
  /** What it calls itself; '' if it is too old for that. */
  name: string;
  /** address:port of its first connection. */
  peer: string;
  /** Mounted subdirectory, or '/'. */
  subdir: string;
  version: string;
  connections: number;
  fops: number;
  /** Of these, those since it was given its place among the clients that are reported. */
  fopsTold: number;
  openFds: number;
  /** Fops in progress, those that wait for locks not counted. */
  callsUnderWay: number;
  /** By its present connections, headers included. */
  bytesReceived: number;
  bytesSent: number;
  /** The file that it works on most, and that one's share of its fops; '' if it is not known. */
  file: string;
  fileShare: number;
}

/** The sum over all clients that are not reported one by one. */
export type ClientSum = Pick<
  ClientStats,
  'connections' | 'fopsTold' | 'openFds' | 'callsUnderWay' | 'bytesReceived' | 'bytesSent'
> & {
  /** How many they are. */
  clients: number;
};

/** Structured-clonable. */
export interface BrickStats extends LayerNumbers {
  brick: ByteString;
  /** '' if it is not known. */
  volume: string;
  up: boolean;
  clients: number;
  connections: number;
  openFds: number;
  inodes: number;
  inodeLimit: number;
  callsUnderWay: number;
  /** Age in seconds of the oldest fop that has not been answered, and of the oldest lock request, which may wait for another client. */
  oldestFopSec: number;
  oldestLockSec: number;
  /** System calls on its disk do not come back: see native/queue.ts. */
  diskHung: boolean;
  bytesRead: number;
  bytesWritten: number;
  /** By procedure number. */
  hits: Float64Array;
  failures: Float64Array;
  /** Histograms of fops that were called: to be read by {@link latenciesIn} of fop-stats. */
  latencies: Float64Array;
  /** Triples: procedure number, errno, failures. */
  errors: Float64Array;
  /** The busiest clients, those with the most fops first, {@link TOP_CLIENTS} at most: which they are changes seldom. */
  topClients: ClientStats[];
  /** All the others; of their fops all that no other client's `fopsTold` has ever counted: this never falls. */
  otherClients: ClientSum;
  /** Capacity of the brick's file system; null when it can't be read. */
  space: { total: number; free: number; available: number; inodes: number; inodesFree: number } | null;
  /** Its tenants; null without user/qos in its volfile. */
  qos: QosStats | null;
  /** Slow fops since the start, by what took most of their time, and the last of them: those under way first. */
  slowCounts: ReadonlyMap<WaitPlace, number>;
  slow: SlowFop[];
}

export interface WorkerStats {
  bricks: BrickStats[];
  /** Number of its thread in this process. */
  thread: number;
  /** JavaScript memory: in use, taken from the system, and its bound. */
  heapBytes: number;
  heapTotalBytes: number;
  heapLimitBytes: number;
  /** Memory of buffers that belong to JavaScript objects. */
  externalBytes: number;
  /** Time that its event loop has been at work and has waited for events, in seconds. */
  loopActiveSec: number;
  loopIdleSec: number;
  /** Histogram's row of how late its event loop was: see fop-stats. */
  loopDelay: Float64Array;
  /** Time that putting these numbers together held up the thread at most, in seconds. */
  longestSliceSec: number;
}

export { TOP_CLIENTS };

/** Slow fops of a brick that metrics and status page are given: all that are kept can be asked for. */
const SLOW_TOLD = 16;

/** Collecting pauses after this time, so that fops are served. */
const SLICE_MS = 4;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Statistics of a thread. */
export function threadStats(): Omit<WorkerStats, 'bricks' | 'longestSliceSec'> {
  const heap = getHeapStatistics();
  const { idle, active } = performance.eventLoopUtilization();
  return {
    thread: threadId,
    heapBytes: heap.used_heap_size,
    heapTotalBytes: heap.total_heap_size,
    heapLimitBytes: heap.heap_size_limit,
    externalBytes: heap.external_memory,
    loopActiveSec: active / 1000,
    loopIdleSec: idle / 1000,
    loopDelay: loopDelay.row(),
  };
}

/** Statistics of bricks, collected in slices between which fops are served. */
export async function workerStats(bricks: readonly Brick[]): Promise<WorkerStats> {
  const asking: Promise<BrickStats>[] = [];
  let longestMs = 0;
  let start = performance.now();
  for (const brick of bricks) {
    asking.push(brickStats(brick));
    const took = performance.now() - start;
    if (took > longestMs) longestMs = took;
    if (took < SLICE_MS) continue;
    await turn();
    start = performance.now();
  }
  return { bricks: await Promise.all(asking), ...threadStats(), longestSliceSec: longestMs / 1000 };
}

function clientStats(client: ClientState): ClientStats {
  return {
    uid: client.uid,
    name: client.processName,
    peer: client.peer,
    subdir: client.subdir === '' ? '/' : client.subdir,
    version: client.version,
    connections: client.connections,
    fops: client.fops,
    fopsTold: 0,
    openFds: client.openFds,
    callsUnderWay: 0,
    bytesReceived: 0,
    bytesSent: 0,
    file: '',
    fileShare: 0,
  };
}

/** The busiest clients one by one, the others as one sum; and the fds that all of them have open. */
function clientsOf(brick: Brick): { top: ClientStats[]; others: ClientSum; openFds: number } {
  const all = new Map<ClientState, ClientStats>();
  for (const client of brick.clients.all.values()) all.set(client, clientStats(client));
  for (const { client, connection, outstanding } of brick.clients.sessions) {
    const c = all.get(client);
    if (c === undefined) continue;
    c.callsUnderWay += outstanding;
    c.bytesReceived += connection.bytesIn;
    c.bytesSent += connection.bytesOut;
  }
  const told = brick.clients.places.assign(all.keys());
  const others: ClientSum = {
    clients: all.size - told.size,
    connections: 0,
    fopsTold: brick.clients.places.untold(total(brick.traffic.hits)),
    openFds: 0,
    callsUnderWay: 0,
    bytesReceived: 0,
    bytesSent: 0,
  };
  const top: ClientStats[] = [];
  let openFds = 0;
  for (const [client, c] of all) {
    openFds += c.openFds;
    if (told.has(client)) {
      const busiest = client.files.busiest();
      const file = busiest === null ? '' : pathOf(busiest.inode);
      top.push({ ...c, fopsTold: c.fops - client.place.from, file, fileShare: busiest?.share ?? 0 });
      continue;
    }
    others.connections += c.connections;
    others.openFds += c.openFds;
    others.callsUnderWay += c.callsUnderWay;
    others.bytesReceived += c.bytesReceived;
    others.bytesSent += c.bytesSent;
  }
  top.sort((a, b) => b.fops - a.fops);
  return { top, others, openFds };
}

function total(counts: Float64Array): number {
  let sum = 0;
  for (const n of counts) sum += n;
  return sum;
}

function layerNumbers(brick: Brick): LayerNumbers {
  const numbers: LayerNumbers = {
    locksHeld: 0,
    locksWaiting: 0,
    batchesQueued: 0,
    batchesRunning: 0,
    oldestCallSec: { reads: 0, changes: 0, syncs: 0 },
    healBacklog: null,
    healthChecks: 0,
    healthFailures: 0,
    healthyAtSec: 0,
    quota: null,
    changelog: null,
    badFiles: null,
  };
  for (const layer of brick.layers) layer.count(numbers);
  return numbers;
}

async function brickStats(brick: Brick): Promise<BrickStats> {
  const { top, others, openFds } = clientsOf(brick);
  const stats: BrickStats = {
    brick: brick.name,
    volume: brick.volume,
    up: !brick.failed,
    clients: brick.clients.all.size,
    connections: brick.clients.sessions.size,
    openFds,
    inodes: brick.table.size,
    inodeLimit: brick.table.limit,
    callsUnderWay: brick.inFlight.count,
    ...brick.inFlight.oldestAges(performance.now()),
    diskHung: brick.diskHung,
    bytesRead: brick.traffic.bytesRead,
    bytesWritten: brick.traffic.bytesWritten,
    hits: brick.traffic.hits.slice(),
    failures: brick.traffic.failures.slice(),
    latencies: brick.traffic.fopStats.latencies(),
    errors: brick.traffic.fopStats.errors(),
    topClients: top,
    otherClients: others,
    ...layerNumbers(brick),
    space: null,
    qos: brick.qos?.stats() ?? null,
    slowCounts: brick.slow.counts,
    slow: brick.slow.list(SLOW_TOLD),
  };
  stats.space = await space(brick);
  return stats;
}

/** How long a scrape waits for a disk: one that hangs must not hide the numbers of the others. */
const STATFS_WAIT_MS = 1000;

/** Bricks whose disk was asked and has not answered yet: they are not asked again. */
const asked = new WeakSet<Brick>();

async function space(brick: Brick): Promise<BrickStats['space']> {
  if (brick.diskHung || asked.has(brick)) return null;
  asked.add(brick);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), STATFS_WAIT_MS);
  });
  try {
    const call = brick.ownCall();
    // Directly from the storage: no translator above must count a fop that no client has called.
    const answer = (async () => await brick.storage.statfs(call, { inode: brick.root, xdata: null }))();
    const over = (): void => {
      asked.delete(brick);
    };
    answer.then(over, over);
    const s = await Promise.race([answer, late]);
    if (s === null) return null;
    return {
      total: s.blocks * s.frsize,
      free: s.bfree * s.frsize,
      available: s.bavail * s.frsize,
      inodes: s.files,
      inodesFree: s.ffree,
    };
  } catch (thrown) {
    if (!(thrown instanceof FopError)) brick.faulted('asking its file system for space', thrown);
    return null;
  } finally {
    clearTimeout(timer);
  }
}
