/** Metrics of quota: usage of directories with limits, and refused fops. */
import type { LimitedDirectory, QuotaNumbers } from '../../../mux/xlator/translator.js';
import { textOfLatin1 } from '../../../native/bytes.js';
import type { BrickFamily } from './brick-family.js';
import { labels, type MetricHead, sample } from './exposition.js';

const OWN = 'volume, brick_path';

function ofBrick(
  type: MetricHead['type'],
  name: string,
  help: string,
  value: (q: QuotaNumbers) => number,
): BrickFamily {
  return {
    type,
    name,
    help,
    labels: OWN,
    samples: ({ stats, labels: { own } }, name) =>
      stats === undefined || stats.quota === null ? '' : sample(name, own, value(stats.quota)),
  };
}

/** A number of every directory that is told of; undefined: it has none. */
function ofDirectories(name: string, help: string, value: (d: LimitedDirectory) => number | undefined): BrickFamily {
  return {
    type: 'gauge',
    name,
    help,
    labels: `${OWN}, directory`,
    samples: ({ stats, labels: { own } }, name) => {
      let text = '';
      for (const d of stats?.quota?.directories ?? []) {
        const n = value(d);
        if (n !== undefined) text += sample(name, `${own},${labels({ directory: textOfLatin1(d.path) })}`, n);
      }
      return text;
    },
  };
}

const unlessNone = (limit: number): number | undefined => (limit > 0 ? limit : undefined);

export const QUOTA_FAMILIES: readonly BrickFamily[] = [
  ofBrick(
    'counter',
    'brickd_quota_refused_fops_total',
    'Fops that a limit has refused or cut short.',
    (q) => q.refused,
  ),
  ofBrick('counter', 'brickd_quota_questions_total', 'Questions to quotad about usage.', (q) => q.questions),
  ofBrick('counter', 'brickd_quota_failed_questions_total', 'Those of these questions that failed.', (q) => q.failures),
  ofBrick('gauge', 'brickd_quota_directories', 'Directories with limits that the brick knows.', (q) => q.limited),
  ofDirectories(
    'brickd_quota_directory_bytes',
    'Space that a directory uses in the whole volume, of the 30 next to their limits.',
    (d) => d.bytes,
  ),
  ofDirectories(
    'brickd_quota_directory_objects',
    'Files and directories in the directory, itself included.',
    (d) => d.objects,
  ),
  ofDirectories(
    'brickd_quota_directory_limit_bytes',
    'Space that the directory may use; absent without such a limit.',
    (d) => unlessNone(d.bytesLimit),
  ),
  ofDirectories(
    'brickd_quota_directory_limit_objects',
    'Files and directories that the directory may hold; absent without such a limit.',
    (d) => unlessNone(d.objectsLimit),
  ),
];
