/** Made-up numbers of bricks and workers. */

import type { ServerState } from '../../../brickd/brick-server.js';
import type { SlowFop } from '../../../mux/brick/slow-fops.js';
import { type BrickStats, threadStats, type WorkerStats } from '../../../mux/brick/views/brick-stats.js';
import { DELAY_BOUNDS_S } from '../../../mux/qos/stats.js';
import { FopStats } from '../../../mux/stats/fop-stats.js';
import { FOP_NUMBERS, fopByName } from '../../../mux/xlator/fop-table.js';
import { bytesOfText, latin1OfBytes } from '../../../native/bytes.js';

export function brick(name: string, up: boolean): BrickStats {
  const hits = new Float64Array(FOP_NUMBERS);
  const failures = new Float64Array(FOP_NUMBERS);
  const lookup = fopByName('lookup').number;
  hits[lookup] = 12;
  failures[lookup] = 3;
  const book = new FopStats();
  for (let i = 0; i < 11; i++) book.recordLatency(lookup, 0.03);
  book.recordLatency(lookup, 20_000);
  for (let i = 0; i < 3; i++) book.recordFailure(lookup, 2);
  return {
    brick: bytesOfText(name),
    volume: 'vol',
    up,
    clients: 2,
    connections: 3,
    openFds: 4,
    inodes: 5,
    inodeLimit: 65536,
    callsUnderWay: 6,
    diskHung: !up,
    slowCounts: new Map([['lock', 2]]),
    slow: [],
    bytesRead: 7,
    bytesWritten: 8,
    hits,
    failures,
    latencies: book.latencies(),
    errors: book.errors(),
    topClients: [
      {
        uid: 'CTX_ID:1',
        name: 'fuse',
        peer: '10.0.0.1:1023',
        subdir: '/',
        version: '10.3',
        connections: 1,
        fops: 9,
        fopsTold: 8,
        openFds: 1,
        callsUnderWay: 2,
        bytesReceived: 300,
        bytesSent: 400,
        file: '/hot',
        fileShare: 0.9,
      },
    ],
    otherClients: {
      clients: 1,
      connections: 2,
      fopsTold: 3,
      openFds: 3,
      callsUnderWay: 4,
      bytesReceived: 5,
      bytesSent: 6,
    },
    locksHeld: 9,
    locksWaiting: 1,
    batchesQueued: 3,
    batchesRunning: 2,
    oldestCallSec: { reads: 0, changes: 4, syncs: 0 },
    oldestFopSec: 1.5,
    oldestLockSec: 60,
    healBacklog: 7,
    healthChecks: 10,
    healthFailures: 0,
    healthyAtSec: 1_700_000_000,
    quota: {
      refused: 3,
      questions: 12,
      failures: 2,
      limited: 2,
      directories: [
        { path: '/home', bytes: 4096, objects: 5, bytesLimit: 8192, objectsLimit: 0 },
        { path: '/"odd\\', bytes: 1, objects: 2, bytesLimit: 0, objectsLimit: 10 },
      ],
    },
    changelog: { records: 9, bytes: 900, rollovers: 3, rolloverSec: 0.01, failing: false, consumers: 1, lagSec: 0.2 },
    badFiles: 1,
    qos: null,
    space: { total: 1000, free: 600, available: 500, inodes: 100, inodesFree: 90 },
  };
}

/** Tenants, more of them than are told of one by one. */
export function qos(tenants: number): NonNullable<BrickStats['qos']> {
  const delayCounts = new Float64Array(DELAY_BOUNDS_S.length + 1);
  delayCounts[0] = 2;
  delayCounts[DELAY_BOUNDS_S.length] = 1;
  return {
    volume: 'vol',
    weight: 100,
    maxDelaySeconds: 5,
    inFlight: 1,
    inFlightLimit: 8,
    pausedConnections: 2,
    options: [],
    tenants: Array.from({ length: tenants }, (_, i) => ({
      tenant: `t${i}`,
      kind: 'rule' as const,
      weight: 10,
      floor: 0,
      floorRefused: '',
      limits: [{ ceiling: 'ops' as const, perSecond: 500, tokens: -3, burst: 1000 }],
      fops: 10,
      bytes: 20,
      delayed: 3,
      delaySeconds: 12.5,
      delayCounts,
      overdue: 1,
      dropped: 0,
      queued: 4,
      queuedBytes: 5,
    })),
    badOptions: [{ option: 'limit-"x"', value: 'y', reason: 'no', instead: 'nothing' }],
  };
}

export const state = (bricks: BrickStats[]): ServerState => ({
  bricks: bricks.map((b) => ({
    brick: b.brick,
    volume: b.volume,
    volfileId: `vol.node-1.${latin1OfBytes(b.brick).slice(1).replaceAll('/', '-')}`,
    state: b.up ? 'up' : 'failed',
    signedIn: b.up,
    volfile: { digest: 'abc', generation: 2, appliedAtSec: 1_700_000_000 },
    unapplied: [],
  })),
  attaching: 0,
  attaches: 2,
  attachFailures: 1,
  workerFailures: 0,
  refusedLogins: { denied: 3, other: 4 },
  logLines: [0, 0, 0, 1, 2, 3, 0, 4, 0, 0],
});

export const worker = (bricks: BrickStats[]): WorkerStats => ({
  bricks,
  ...threadStats(),
  thread: 1,
  longestSliceSec: 0.001,
});

/** A slow fop, in progress. */
export function slowFop(path: string, client: string): SlowFop {
  return {
    number: 7,
    atMs: Date.now() - 4200,
    fop: 'LK',
    path,
    client: 'CTX_ID:1',
    clientName: client,
    peer: '10.0.0.2:1023',
    pid: 4711,
    uid: 1000,
    offset: -1,
    size: -1,
    ms: 4200,
    underWay: true,
    errno: 0,
    waits: [{ place: 'lock', detail: `client fuse (10.0.0.1:1023), pid 12, owner 01`, ms: 4200 }],
  };
}
