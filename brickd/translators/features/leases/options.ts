/** Options of features/leases. */
import { bool, int } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  leases: bool({ default: 'off' }),
  /** Seconds that a holder has to give a recalled lease back. */
  'lease-lock-recall-timeout': int({ default: '60', min: 0 }),
});
export type Options = OptionsOf<typeof options>;
