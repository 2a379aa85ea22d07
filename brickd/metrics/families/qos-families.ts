/** Metrics of tenants (user/qos): admitted, delayed and dropped fops, and the settings in effect. */
import type { BadOption } from '../../../mux/qos/rules.js';
import { DELAY_BOUNDS_S, type LimitStats, type QosStats, type TenantStats } from '../../../mux/qos/stats.js';
import { textOfLatin1 } from '../../../native/bytes.js';
import type { BrickFamily } from './brick-family.js';
import { boundLabels, histogram, labels, type MetricHead, sample } from './exposition.js';

/** Tenants of a brick that are told of one by one, in the order of their rules; the others are one sum. */
const TENANTS = 30;
const BAD_OPTIONS = 20;
const BOUNDS = boundLabels(DELAY_BOUNDS_S);
const OWN = 'volume, brick_path';

type Sum = Pick<
  TenantStats,
  'fops' | 'bytes' | 'delayed' | 'delaySeconds' | 'delayCounts' | 'overdue' | 'dropped' | 'queued' | 'queuedBytes'
>;

function sumOf(tenants: readonly TenantStats[]): Sum {
  const sum: Sum = {
    fops: 0,
    bytes: 0,
    delayed: 0,
    delaySeconds: 0,
    delayCounts: new Float64Array(BOUNDS.length),
    overdue: 0,
    dropped: 0,
    queued: 0,
    queuedBytes: 0,
  };
  for (const t of tenants) {
    sum.fops += t.fops;
    sum.bytes += t.bytes;
    sum.delayed += t.delayed;
    sum.delaySeconds += t.delaySeconds;
    t.delayCounts.forEach((n, i) => {
      sum.delayCounts[i] = (sum.delayCounts[i] ?? 0) + n;
    });
    sum.overdue += t.overdue;
    sum.dropped += t.dropped;
    sum.queued += t.queued;
    sum.queuedBytes += t.queuedBytes;
  }
  return sum;
}

const tenantLabels = (own: string, tenant: string, kind: string): string =>
  `${own},${labels({ tenant: textOfLatin1(tenant), kind })}`;

/** A metric of every tenant, and of the rest of them together. */
function ofTenants(
  type: MetricHead['type'],
  name: string,
  help: string,
  write: (t: Sum, name: string, within: string) => string,
): BrickFamily {
  return {
    type,
    name,
    help,
    labels: `${OWN}, tenant, kind`,
    samples: ({ stats, labels: { own } }, name) => {
      const tenants = stats?.qos?.tenants ?? [];
      let text = '';
      for (const t of tenants.slice(0, TENANTS)) text += write(t, name, tenantLabels(own, t.tenant, t.kind));
      if (tenants.length <= TENANTS) return text;
      return text + write(sumOf(tenants.slice(TENANTS)), name, tenantLabels(own, 'other', 'rule'));
    },
  };
}

const one = (value: (t: Sum) => number) => (t: Sum, name: string, within: string) => sample(name, within, value(t));

/** A setting of every tenant that is told of by itself. */
function setting(name: string, help: string, value: (t: TenantStats) => number): BrickFamily {
  return {
    type: 'gauge',
    name,
    help,
    labels: `${OWN}, tenant, kind`,
    samples: ({ stats, labels: { own } }, name) =>
      (stats?.qos?.tenants ?? [])
        .slice(0, TENANTS)
        .map((t) => sample(name, tenantLabels(own, t.tenant, t.kind), value(t)))
        .join(''),
  };
}

/** A number of every ceiling. */
function ofCeilings(name: string, help: string, value: (l: LimitStats) => number): BrickFamily {
  return {
    type: 'gauge',
    name,
    help,
    labels: `${OWN}, tenant, kind, ceiling`,
    samples: ({ stats, labels: { own } }, name) => {
      let text = '';
      for (const t of (stats?.qos?.tenants ?? []).slice(0, TENANTS)) {
        const within = tenantLabels(own, t.tenant, t.kind);
        for (const l of t.limits) text += sample(name, `${within},ceiling="${l.ceiling}"`, value(l));
      }
      return text;
    },
  };
}

function ofBrick(name: string, help: string, value: (q: QosStats) => number): BrickFamily {
  return {
    type: 'gauge',
    name,
    help,
    labels: OWN,
    samples: ({ stats, labels: { own } }, name) =>
      stats?.qos === null || stats === undefined ? '' : sample(name, own, value(stats.qos)),
  };
}

const badOption = (own: string, name: string, { option }: BadOption): string =>
  sample(name, `${own},${labels({ option: textOfLatin1(option) })}`, 1);

export const QOS_FAMILIES: readonly BrickFamily[] = [
  ofTenants(
    'counter',
    'brickd_qos_fops_total',
    'Fops of a tenant that were admitted.',
    one((t) => t.fops),
  ),
  ofTenants(
    'counter',
    'brickd_qos_bytes_total',
    'Bytes that these fops were charged for.',
    one((t) => t.bytes),
  ),
  ofTenants(
    'counter',
    'brickd_qos_delayed_fops_total',
    'Those of these fops that had to wait.',
    one((t) => t.delayed),
  ),
  ofTenants('histogram', 'brickd_qos_delay_seconds', 'How long fops of a tenant had to wait.', (t, name, within) =>
    histogram(name, within, BOUNDS, t.delayCounts, t.delaySeconds),
  ),
  ofTenants(
    'counter',
    'brickd_qos_overdue_fops_total',
    'Fops admitted above their ceiling because they had waited for the maximum time.',
    one((t) => t.overdue),
  ),
  ofTenants(
    'counter',
    'brickd_qos_dropped_fops_total',
    'Fops dropped because their client had gone.',
    one((t) => t.dropped),
  ),
  ofTenants(
    'gauge',
    'brickd_qos_queued_fops',
    'Queued fops of a tenant.',
    one((t) => t.queued),
  ),
  ofTenants(
    'gauge',
    'brickd_qos_queued_bytes',
    'Bytes of the queued fops.',
    one((t) => t.queuedBytes),
  ),
  setting('brickd_qos_weight', 'Share of a tenant inside its volume.', (t) => t.weight),
  setting('brickd_qos_floor_fops_per_second', 'Operations reserved for a tenant; 0: none.', (t) => t.floor),
  setting('brickd_qos_floor_refused', 'Whether the floor of a tenant cannot be granted (1).', (t) =>
    t.floorRefused === '' ? 0 : 1,
  ),
  ofCeilings('brickd_qos_limit_per_second', 'Ceilings, in operations or bytes per second.', (l) => l.perSecond),
  ofCeilings('brickd_qos_tokens', 'Credit left of a ceiling, in operations or bytes; negative: debt.', (l) => l.tokens),
  ofCeilings('brickd_qos_tokens_limit', 'Maximum credit.', (l) => l.burst),
  ofBrick('brickd_qos_volume_weight', 'Share of the volume among those of the process.', (q) => q.weight),
  ofBrick(
    'brickd_qos_fops_in_progress',
    'Fops in progress that count against the share of the brick.',
    (q) => q.inFlight,
  ),
  ofBrick('brickd_qos_fops_in_progress_limit', 'Limit of these fops.', (q) => q.inFlightLimit),
  ofBrick(
    'brickd_qos_paused_connections',
    'Connections that are not read because too many of their fops are queued.',
    (q) => {
      return q.pausedConnections;
    },
  ),
  {
    type: 'gauge',
    name: 'brickd_qos_bad_option',
    help: 'Options of user/qos that cannot be used and have no effect; always 1.',
    labels: `${OWN}, option`,
    samples: ({ stats, labels: { own } }, name) =>
      (stats?.qos?.badOptions ?? [])
        .slice(0, BAD_OPTIONS)
        .map((bad) => badOption(own, name, bad))
        .join(''),
  },
];
