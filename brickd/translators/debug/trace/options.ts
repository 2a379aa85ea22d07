/** Options of debug/trace. */
import { bool, list, oneOf, size } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** Names of fops. Given both, the ones to include count. */
  'include-ops': list({ aliases: ['include'] }),
  'exclude-ops': list({ aliases: ['exclude'] }),
  /** Entries of the history in the statedump. */
  'history-size': size({ default: '1024', live: false }),
  /** Lines in the brick's log. */
  'log-file': bool({ default: 'no' }),
  'log-history': bool({ default: 'no' }),
  /** Level of the lines in the log. */
  'force-log-level': oneOf(['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG', 'TRACE', 'NONE'], {
    default: 'INFO',
    live: false,
  }),
});
export type Options = OptionsOf<typeof options>;
