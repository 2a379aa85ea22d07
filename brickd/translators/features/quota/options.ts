/** Options of features/quota: limits of directories. */
import { bool, percent, str, time } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** Left from old releases: `server-quota` decides. */
  enable: bool({ default: 'off', live: false }),
  'deem-statfs': bool({ default: 'on' }),
  'server-quota': bool({ default: 'off' }),
  'default-soft-limit': percent({ default: '80%' }),
  'soft-timeout': time({ default: '60', min: 0, max: 1800 }),
  'hard-timeout': time({ default: '5', min: 0, max: 60 }),
  'alert-time': time({ default: '86400', min: 0, max: 604800 }),
  /** Written for limits set by way of volume options; limits count by what directories carry. */
  'limit-set': str({ live: false }),
  /** Name of the volume, in spite of the key. */
  'volume-uuid': str({ live: false }),
});
export type Options = OptionsOf<typeof options>;
