/** Options of features/marker: change times for geo-replication, sizes for quota. */
import { bool, int, str } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'volume-uuid': str(),
  'timestamp-file': str(),
  quota: bool({ default: 'off' }),
  'inode-quota': bool({ default: 'off' }),
  xtime: bool({ default: 'off' }),
  'gsync-force-xtime': bool({ default: 'off' }),
  'quota-version': int({ default: '0' }),
});
export type Options = OptionsOf<typeof options>;
