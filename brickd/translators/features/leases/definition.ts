/** features/leases. Only known while it is off. */
import { bool, int } from '../../../../volfiles/option-types.js';
import { defineOptions } from '../../../../volfiles/options.js';
import { defineTranslator } from '../../definition.js';

const options = defineOptions({
  leases: bool({ default: 'off' }),
  /** Seconds that a holder has to give a recalled lease back. */
  'lease-lock-recall-timeout': int({ default: '60', min: 0 }),
});

export const definition = defineTranslator({
  type: 'features/leases',
  options,
  implemented: false,
  demands: [{ option: 'leases', needs: 'leases and their recall' }],
});
