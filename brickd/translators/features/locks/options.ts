/** Options of features/locks: POSIX locks, inodelk and entrylk. */
import { bool, int, str } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** `file`, `forced` or `optimal`; any other word means off, as in glusterfsd. */
  'mandatory-locking': str({ default: 'off' }),
  trace: bool({ default: 'off' }),
  'monkey-unlocking': bool({ default: 'false' }),
  /** Age in seconds at which a lock that others wait for is taken away; 0: never. */
  'revocation-secs': int({ default: '0', min: 0 }),
  'revocation-clear-all': bool({ default: 'false' }),
  'revocation-max-blocked': int({ default: '0', min: 0 }),
  'notify-contention': bool({ default: 'yes' }),
  /** Least seconds between two notices to one holder. */
  'notify-contention-delay': int({ default: '5', min: 0, max: 60 }),
  'enforce-mandatory-lock': bool({ default: 'off' }),
});
export type Options = OptionsOf<typeof options>;
