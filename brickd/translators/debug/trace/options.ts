/** Options of debug/trace: logs requests. */
import { bool, list, size, str } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** Names of fops. Given both, the ones to include count. */
  'include-ops': list({ aliases: ['include'] }),
  'exclude-ops': list({ aliases: ['exclude'] }),
  /** Entries of the history in the statedump. */
  'history-size': size({ default: '1024', live: false }),
  'log-file': bool({ default: 'no' }),
  'log-history': bool({ default: 'no' }),
  'force-log-level': str({ live: false }),
});
export type Options = OptionsOf<typeof options>;
