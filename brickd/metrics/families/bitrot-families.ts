/** Metrics of bit-rot detection. Absent while it is off. */
import type { BrickFamily } from './brick-family.js';
import { sample } from './exposition.js';

export const BITROT_FAMILIES: readonly BrickFamily[] = [
  {
    type: 'gauge',
    name: 'brickd_bitrot_bad_files',
    help: 'Files that the scrubber has found not to match their signatures.',
    labels: 'volume, brick_path',
    samples: ({ stats, labels }, name) => {
      const badFiles = stats?.badFiles ?? null;
      return badFiles === null ? '' : sample(name, labels.own, badFiles);
    },
  },
];
