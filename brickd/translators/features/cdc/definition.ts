/** features/cdc: data compressed on the wire. Levels and sizes are zlib's. Not implemented: its presence is a demand. */
import { bool, int, oneOf } from '../../../../volfiles/option-types.js';
import { defineOptions } from '../../../../volfiles/options.js';
import { defineTranslator } from '../../definition.js';

const options = defineOptions({
  'window-size': int({ default: '-15', live: false }),
  'mem-level': int({ default: '8', live: false }),
  'compression-level': int({ default: '-1', live: false }),
  /** Bytes; smaller payloads are not compressed. */
  'min-size': int({ default: '0', live: false }),
  mode: oneOf(['server', 'client'], { live: false }),
  debug: bool({ default: 'false', live: false }),
});

export const definition = defineTranslator({
  type: 'features/cdc',
  options,
  implemented: false,
  demands: [{ needs: 'decompression of what clients send' }],
});
