/** All metrics of bricks: name, meaning, and where the value comes from. */

import type { Unapplied } from '../../../mux/brick/brick-facts.js';
import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import { LATENCY_BOUNDS_SEC, latenciesIn } from '../../../mux/stats/fop-stats.js';
import { FOPS, fopByNumber } from '../../../mux/xlator/fop-table.js';
import { WAIT_PLACES } from '../../../mux/xlator/waits.js';
import { textOfLatin1 } from '../../../native/bytes.js';
import { errnoName } from '../../../native/errno.js';
import { BITROT_FAMILIES } from './bitrot-families.js';
import type { BrickFamily } from './brick-family.js';
import { CHANGELOG_FAMILIES } from './changelog-families.js';
import { boundLabels, histogram, labels, type MetricHead, sample } from './exposition.js';
import type { BrickLabels } from './names.js';
import { QOS_FAMILIES } from './qos-families.js';
import { QUOTA_FAMILIES } from './quota-families.js';

const OWN = 'volume, brick_path';
const CAPACITY = 'cluster_id, host, id, brick_path, volume, subvolume';
const BOUNDS = boundLabels(LATENCY_BOUNDS_SEC);

/** Fops that have been called, by the names that metrics give them. */
function called({ hits }: BrickStats): { fop: string; hits: number }[] {
  return FOPS.map((f) => ({ fop: f.display, hits: hits[f.number] ?? 0 })).filter((f) => f.hits > 0);
}

const displayOf = (number: number): string => fopByNumber(number)?.display ?? String(number);

/** A metric with one value per brick. */
function one(
  type: MetricHead['type'],
  name: string,
  help: string,
  value: (b: BrickStats) => number | undefined,
  within: 'own' | 'capacity' = 'own',
): BrickFamily {
  return {
    type,
    name,
    help,
    labels: within === 'own' ? OWN : CAPACITY,
    samples: ({ stats, labels }, name) => {
      const v = stats === undefined ? undefined : value(stats);
      return v === undefined ? '' : sample(name, labels[within], v);
    },
  };
}

/** A metric with several values per brick. */
function many(
  type: MetricHead['type'],
  name: string,
  help: string,
  more: string,
  samples: (b: BrickStats, name: string, labels: BrickLabels) => string,
): BrickFamily {
  const write: BrickFamily['samples'] = (b, name) => (b.stats === undefined ? '' : samples(b.stats, name, b.labels));
  return { type, name, help, labels: `${OWN}, ${more}`, samples: write };
}

type Space = NonNullable<BrickStats['space']>;

function ofSpace(type: MetricHead['type'], name: string, help: string, value: (s: Space) => number): BrickFamily {
  return one(type, name, help, (b) => (b.space === null ? undefined : value(b.space)), 'capacity');
}

/** Names and labels as gluster-prometheus has them; those called _total are no counters, so their type is left open. */
const AS_GLUSTER_PROMETHEUS: BrickFamily[] = [
  {
    type: 'gauge',
    name: 'gluster_brick_up',
    help: 'Whether the brick serves (1) or not (0).',
    labels: 'cluster_id, volume, hostname, brick_path, peer_id, pid',
    samples: ({ down, labels }, name) => sample(name, labels.status, down === '' ? 1 : 0),
  },
  ofSpace('gauge', 'gluster_brick_capacity_used_bytes', 'Used space of the file system of the brick.', (s) => {
    return s.total - s.free;
  }),
  ofSpace('gauge', 'gluster_brick_capacity_free_bytes', 'Free space for the brick.', (s) => s.available),
  ofSpace('untyped', 'gluster_brick_capacity_bytes_total', 'Size of the file system of the brick.', (s) => s.total),
  ofSpace('untyped', 'gluster_brick_inodes_total', 'Inodes of the file system of the brick.', (s) => s.inodes),
  ofSpace('gauge', 'gluster_brick_inodes_free', 'Free inodes for the brick.', (s) => s.inodesFree),
  ofSpace('gauge', 'gluster_brick_inodes_used', 'Used inodes of the file system of the brick.', (s) => {
    return s.inodes - s.inodesFree;
  }),
  {
    type: 'gauge',
    name: 'gluster_volume_profile_fop_hits',
    help: 'Fops received since the start of the process.',
    labels: 'cluster_id, volume, brick, host, fop',
    samples: ({ stats, labels: l }, name) => {
      if (stats === undefined) return '';
      return called(stats)
        .map(({ fop, hits }) => sample(name, `${l.profile},fop="${fop}"`, hits))
        .join('');
    },
  },
  {
    type: 'gauge',
    name: 'gluster_volume_profile_fop_avg_latency',
    help: 'Mean latency of fops since the start of the process, in microseconds.',
    labels: 'cluster_id, volume, brick, host, fop',
    samples: ({ stats, labels: l }, name) => {
      if (stats === undefined) return '';
      let text = '';
      for (const { fop, count, sumSec } of latenciesIn(stats.latencies)) {
        text += sample(name, `${l.profile},fop="${displayOf(fop)}"`, (sumSec * 1e6) / count);
      }
      return text;
    },
  },
];

const FOP_FAMILIES: BrickFamily[] = [
  many(
    'counter',
    'brickd_slow_fops_total',
    'Fops that took longer than the threshold of slow_fops, by what took most of their time.',
    'cause',
    (b, name, l) => WAIT_PLACES.map((p) => sample(name, `${l.own},cause="${p}"`, b.slowCounts.get(p) ?? 0)).join(''),
  ),
  many('counter', 'brickd_fops_total', 'Fops received.', 'fop', (b, name, l) => {
    return called(b)
      .map(({ fop, hits }) => sample(name, `${l.own},fop="${fop}"`, hits))
      .join('');
  }),
  many('counter', 'brickd_fop_failures_total', 'Fops that failed, by error.', 'fop, errno', (b, name, l) => {
    let text = '';
    for (let at = 0; at < b.errors.length; at += 3) {
      const [fop = 0, errno = 0, failures = 0] = b.errors.subarray(at, at + 3);
      text += sample(name, `${l.own},fop="${displayOf(fop)}",errno="${errnoName(errno)}"`, failures);
    }
    return text;
  }),
  many(
    'histogram',
    'brickd_fop_duration_seconds',
    'Time from the arrival of a fop to its reply; that of lock requests holds the wait for the lock.',
    'fop',
    (b, name, l) => {
      let text = '';
      for (const { fop, buckets, sumSec } of latenciesIn(b.latencies)) {
        text += histogram(name, `${l.own},fop="${displayOf(fop)}"`, BOUNDS, buckets, sumSec);
      }
      return text;
    },
  ),
  many('counter', 'brickd_payload_bytes_total', 'Data read and written by fops.', 'direction', (b, name, l) => {
    const read = sample(name, `${l.own},direction="read"`, b.bytesRead);
    return read + sample(name, `${l.own},direction="write"`, b.bytesWritten);
  }),
];

const BRICK_GAUGES: BrickFamily[] = [
  {
    type: 'gauge',
    name: 'gluster_brick_down_info',
    help: 'Why the brick does not serve; the value is always 1.',
    labels: `${OWN}, reason`,
    samples: ({ down, labels: l }, name) =>
      down === '' ? '' : sample(name, `${l.own},${labels({ reason: down })}`, 1),
  },
  one('gauge', 'brickd_fops_in_progress', 'Fops in progress.', (b) => b.callsUnderWay),
  one(
    'gauge',
    'brickd_oldest_fop_seconds',
    'Age of the oldest fop in progress, lock requests not counted; 0: there is none.',
    (b) => {
      return b.oldestFopSec;
    },
  ),
  one(
    'gauge',
    'brickd_oldest_lock_request_seconds',
    'Age of the oldest lock request that waits; 0: there is none.',
    (b) => {
      return b.oldestLockSec;
    },
  ),
  many(
    'gauge',
    'brickd_disk_oldest_call_seconds',
    'Age of the oldest system call on the disk, by what it does; 0: none has been running for more than a second.',
    'class',
    ({ oldestCallSec }, name, l) =>
      Object.entries(oldestCallSec)
        .map(([of, sec]) => sample(name, `${l.own},class="${of}"`, sec))
        .join(''),
  ),
  one(
    'gauge',
    'brickd_heal_backlog',
    'Files that wait for healing from this brick; absent where it is not known.',
    (b) => {
      return b.healBacklog ?? undefined;
    },
  ),
  one('gauge', 'brickd_clients', 'Client processes connected to the brick.', (b) => b.clients),
  one('gauge', 'brickd_connections', 'Connections of clients to the brick.', (b) => b.connections),
  one('gauge', 'brickd_open_fds', 'Files and directories that clients have open.', (b) => b.openFds),
  one('gauge', 'brickd_cached_inodes', 'Inodes in the table of the brick.', (b) => b.inodes),
  one('gauge', 'brickd_cached_inodes_limit', 'Inodes not in use that the table keeps at most; 0: all.', (b) => {
    return b.inodeLimit;
  }),
  one('gauge', 'brickd_locks_held', 'Locks of every kind that clients hold.', (b) => b.locksHeld),
  one('gauge', 'brickd_locks_waiting', 'Lock requests that wait.', (b) => b.locksWaiting),
  one('gauge', 'brickd_disk_batches_queued', 'Batches of blocking system calls that wait for a thread.', (b) => {
    return b.batchesQueued;
  }),
  one('gauge', 'brickd_disk_batches_running', 'Batches of blocking system calls that run.', (b) => b.batchesRunning),
  one(
    'gauge',
    'brickd_disk_hung',
    'Whether system calls on the disk do not come back (1) or it answers (0), of each class by itself: reads, changes, syncs.',
    (b) => (b.diskHung ? 1 : 0),
  ),
  one('counter', 'brickd_health_checks_total', 'Health checks of the disk that have ended.', (b) => b.healthChecks),
  one('counter', 'brickd_health_check_failures_total', 'Health checks of the disk that failed.', (b) => {
    return b.healthFailures;
  }),
  one('gauge', 'brickd_health_check_success_timestamp_seconds', 'When a health check last succeeded.', (b) => {
    return b.healthyAtSec === 0 ? undefined : b.healthyAtSec;
  }),
  {
    type: 'gauge',
    name: 'brickd_brick_unapplied_options',
    help: 'Options of the volfile that are not in effect on the running brick; 0 is normal.',
    labels: OWN,
    samples: ({ state, labels }, name) => sample(name, labels.own, state.unapplied.length),
  },
  {
    type: 'gauge',
    name: 'brickd_brick_unapplied_option_info',
    help: 'An option that is not in effect on the running brick, or a translator ("option" is empty); the value is always 1.',
    labels: `${OWN}, translator, option, withheld`,
    samples: ({ state, labels: l }, name) => {
      const info = ({ volume, option, guards }: Unapplied) =>
        labels({ translator: textOfLatin1(volume), option: textOfLatin1(option), withheld: guards ? 'yes' : 'no' });
      // Two reasons may concern one option.
      const infos = new Set(state.unapplied.map(info));
      return [...infos].map((more) => sample(name, `${l.own},${more}`, 1)).join('');
    },
  },
  {
    type: 'gauge',
    name: 'brickd_volfile_generation',
    help: 'Texts of its volfile that the brick has taken over since it was started.',
    labels: OWN,
    samples: ({ state: { volfile }, labels }, name) =>
      volfile === undefined ? '' : sample(name, labels.own, volfile.generation),
  },
  {
    type: 'gauge',
    name: 'brickd_volfile_applied_timestamp_seconds',
    help: 'When the brick took over its volfile last.',
    labels: OWN,
    samples: ({ state: { volfile }, labels }, name) =>
      volfile === undefined ? '' : sample(name, labels.own, volfile.appliedAtSec),
  },
  {
    type: 'gauge',
    name: 'brickd_volfile_info',
    help: 'SHA-256 of the volfile in effect; "" if the last one could not be applied. The value is always 1.',
    labels: `${OWN}, digest`,
    samples: ({ state: { volfile }, labels: l }, name) =>
      volfile === undefined ? '' : sample(name, `${l.own},${labels({ digest: volfile.digest })}`, 1),
  },
  {
    type: 'gauge',
    name: 'brickd_brick_signed_in',
    help: 'Whether glusterd knows the port of the brick (1) or not yet (0); absent without glusterd.',
    labels: OWN,
    samples: ({ state, labels }, name) =>
      state.signedIn === undefined ? '' : sample(name, labels.own, state.signedIn ? 1 : 0),
  },
];

/** A client as labels. */
const client = (l: BrickLabels, uid: string, peer: string): string =>
  `${l.own},${labels({ client: textOfLatin1(uid), peer: peer.replace(/:\d+$/, '') })}`;

const OTHERS = 'other';

function ofClients(
  type: MetricHead['type'],
  name: string,
  help: string,
  value: (c: BrickStats['topClients'][number]) => number,
  rest?: (c: BrickStats['otherClients']) => number,
): BrickFamily {
  return many(type, name, help, 'client, peer', (b, name, l) => {
    let text = '';
    for (const c of b.topClients) text += sample(name, client(l, c.uid, c.peer), value(c));
    if (rest !== undefined) text += sample(name, client(l, OTHERS, ''), rest(b.otherClients));
    return text;
  });
}

const CLIENT_FAMILIES: BrickFamily[] = [
  ofClients(
    'counter',
    'brickd_client_fops_total',
    'Fops of the busiest clients; those of all other and of disconnected clients have the client "other".',
    (c) => c.fopsTold,
    (c) => c.fopsTold,
  ),
  ofClients(
    'gauge',
    'brickd_client_fops_in_progress',
    'Fops in progress of the busiest clients and of all others.',
    (c) => c.callsUnderWay,
    (c) => c.callsUnderWay,
  ),
  ofClients(
    'gauge',
    'brickd_client_open_fds',
    'Files and directories that the busiest clients and all others have open.',
    (c) => c.openFds,
    (c) => c.openFds,
  ),
  ofClients(
    'counter',
    'brickd_client_received_bytes_total',
    'Bytes that the busiest clients have sent over their current connections.',
    (c) => c.bytesReceived,
  ),
  ofClients(
    'counter',
    'brickd_client_sent_bytes_total',
    'Bytes that were sent to the busiest clients over their current connections.',
    (c) => c.bytesSent,
  ),
];

export const BRICK_FAMILIES: readonly BrickFamily[] = [
  ...AS_GLUSTER_PROMETHEUS,
  ...FOP_FAMILIES,
  ...BRICK_GAUGES,
  ...CLIENT_FAMILIES,
  ...CHANGELOG_FAMILIES,
  ...BITROT_FAMILIES,
  ...QOS_FAMILIES,
  ...QUOTA_FAMILIES,
];
