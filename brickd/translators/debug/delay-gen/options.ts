/** Options of debug/delay-gen: makes requests slow, for tests. */
import { int, list, percent } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'delay-percentage': percent({ default: '10%', live: false }),
  /** Microseconds. */
  'delay-duration': int({ default: '100000', min: 0, max: 0xffffffff, live: false }),
  /** Names of the fops that are delayed; empty: all. */
  enable: list({ default: '', live: false }),
});
export type Options = OptionsOf<typeof options>;
