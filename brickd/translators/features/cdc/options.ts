/** Options of features/cdc: data compressed on the wire. Levels and sizes are zlib's. */
import { bool, int, oneOf } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** Negative: raw deflate, without a header. */
  'window-size': int({ default: '-15', live: false }),
  'mem-level': int({ default: '8', live: false }),
  'compression-level': int({ default: '-1', live: false }),
  /** Bytes; smaller payloads are not compressed. */
  'min-size': int({ default: '0', live: false }),
  mode: oneOf(['server', 'client'], { live: false }),
  /** For tests: leaves the last payload in /tmp. */
  debug: bool({ default: 'false', live: false }),
});
export type Options = OptionsOf<typeof options>;
