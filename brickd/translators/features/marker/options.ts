/** Options of features/marker: accounting for quota, change times for geo-replication. */
import { bool, int, str } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'volume-uuid': str(),
  'timestamp-file': str(),
  quota: bool({ default: 'off' }),
  'inode-quota': bool({ default: 'off' }),
  xtime: bool({ default: 'off' }),
  'gsync-force-xtime': bool({ default: 'off' }),
  /** Counts how often quota was enabled: names of its xattrs end with it, so that what an earlier time left is not taken for today's. */
  'quota-version': int({ default: '0' }),
});
export type Options = OptionsOf<typeof options>;
