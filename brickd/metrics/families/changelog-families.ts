/** Metrics of the changelog: what it records, and the lag of its consumers. Absent while it is off. */
import type { ChangelogNumbers } from '../../../mux/xlator/translator.js';
import type { BrickFamily } from './brick-family.js';
import { type MetricHead, sample } from './exposition.js';

function one(
  type: MetricHead['type'],
  name: string,
  help: string,
  value: (numbers: ChangelogNumbers) => number,
): BrickFamily {
  return {
    type,
    name,
    help,
    labels: 'volume, brick_path',
    samples: ({ stats, labels }, name) => {
      const numbers = stats?.changelog ?? null;
      return numbers === null ? '' : sample(name, labels.own, value(numbers));
    },
  };
}

export const CHANGELOG_FAMILIES: readonly BrickFamily[] = [
  one('counter', 'brickd_changelog_records_total', 'Changes recorded in journals.', (n) => n.records),
  one('counter', 'brickd_changelog_bytes_total', 'Bytes written to journals.', (n) => n.bytes),
  one(
    'counter',
    'brickd_changelog_rollovers_total',
    'Rollovers: journals that were closed and indexed.',
    (n) => n.rollovers,
  ),
  one(
    'gauge',
    'brickd_changelog_rollover_duration_seconds',
    'Duration of the last rollover: closing, syncing and indexing a journal.',
    (n) => n.rolloverSec,
  ),
  one(
    'gauge',
    'brickd_changelog_failing',
    'Whether the disk refuses records (1): they are kept in memory, or lost.',
    (n) => (n.failing ? 1 : 0),
  ),
  one('gauge', 'brickd_changelog_consumers', 'Processes that subscribe to events.', (n) => n.consumers),
  one(
    'gauge',
    'brickd_changelog_consumer_lag_seconds',
    'Age of the oldest event that a consumer has not taken; 0: all are taken.',
    (n) => n.lagSec,
  ),
];
