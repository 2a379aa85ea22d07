/** debug/trace: logs requests. Only known while it is off. */
import { bool, list, size, str } from '../../../../volfiles/option-types.js';
import { defineOptions } from '../../../../volfiles/options.js';
import { defineTranslator } from '../../definition.js';

const options = defineOptions({
  /** Names of fops. Given both, the ones to include count. */
  'include-ops': list({ aliases: ['include'] }),
  'exclude-ops': list({ aliases: ['exclude'] }),
  /** Entries of the history in the statedump. */
  'history-size': size({ default: '1024', live: false }),
  'log-file': bool({ default: 'no' }),
  'log-history': bool({ default: 'no' }),
  'force-log-level': str({ live: false }),
});

export const definition = defineTranslator({
  type: 'debug/trace',
  options,
  implemented: false,
  demands: [
    { option: 'log-file', needs: 'a log of requests', severity: 'warning' },
    { option: 'log-history', needs: 'a history of requests', severity: 'warning' },
  ],
});
