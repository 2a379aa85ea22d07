/** Options of features/sdfs: one change of a directory entry at a time. */
import { bool } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'pass-through': bool({ default: 'true' }),
});
export type Options = OptionsOf<typeof options>;
