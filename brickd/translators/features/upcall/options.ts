/** Options of features/upcall: tells clients when what they may have cached changes. */
import { bool, int } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'cache-invalidation': bool({ default: 'off' }),
  /** Seconds for which a client may cache. */
  'cache-invalidation-timeout': int({ default: '60', min: 0 }),
});
export type Options = OptionsOf<typeof options>;
