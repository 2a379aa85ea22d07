/** Options of features/worm: write once, read many, for the volume or file by file. */
import { bool, oneOf, time } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** The whole volume: what exists is neither changed nor removed. */
  worm: bool({ default: 'off' }),
  /** Each file, from the time on when it has been left alone for the auto-commit period, or its write permissions are taken away. */
  'worm-file-level': bool({ default: 'off' }),
  /** Files whose retention has ended may be unlinked. */
  'worm-files-deletable': bool({ default: 'on' }),
  /** Seconds. */
  'default-retention-period': time({ default: '120' }),
  'retention-mode': oneOf(['relax', 'enterprise'], { default: 'relax' }),
  /** Seconds. */
  'auto-commit-period': time({ default: '180' }),
});
export type Options = OptionsOf<typeof options>;
