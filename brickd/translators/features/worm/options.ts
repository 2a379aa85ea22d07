/** Options of features/worm: write once, read many, for the volume or file by file. */
import { bool, oneOf, time } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  worm: bool({ default: 'off' }),
  'worm-file-level': bool({ default: 'off' }),
  'worm-files-deletable': bool({ default: 'on' }),
  'default-retention-period': time({ default: '120' }),
  'retention-mode': oneOf(['relax', 'enterprise'], { default: 'relax' }),
  'auto-commit-period': time({ default: '180' }),
});
export type Options = OptionsOf<typeof options>;
