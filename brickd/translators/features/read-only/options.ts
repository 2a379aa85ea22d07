/** Options of features/read-only. */
import { bool } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'read-only': bool({ default: 'off' }),
});
export type Options = OptionsOf<typeof options>;
