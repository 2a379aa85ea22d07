/** features/marker: change times for geo-replication, sizes for quota. Only known while it is off. */
import { bool, int, str } from '../../../../volfiles/option-types.js';
import { defineOptions } from '../../../../volfiles/options.js';
import { defineTranslator } from '../../definition.js';

const options = defineOptions({
  'volume-uuid': str(),
  'timestamp-file': str(),
  quota: bool({ default: 'off' }),
  'inode-quota': bool({ default: 'off' }),
  xtime: bool({ default: 'off' }),
  'gsync-force-xtime': bool({ default: 'off' }),
  'quota-version': int({ default: '0' }),
});

export const definition = defineTranslator({
  type: 'features/marker',
  options,
  implemented: false,
  demands: [
    { option: 'quota', needs: 'accounting of directory sizes' },
    { option: 'inode-quota', needs: 'accounting of file counts' },
    { option: 'xtime', needs: 'change times for geo-replication' },
  ],
});
