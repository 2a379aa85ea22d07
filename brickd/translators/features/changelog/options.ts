/** Options of features/changelog: the journal of changes that geo-replication and bit-rot detection read. */
import { bool, oneOf, path, time } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  changelog: bool({ default: 'off' }),
  'changelog-notification': bool({ default: 'off' }),
  'changelog-brick': path({ live: false }),
  'changelog-dir': path(),
  'op-mode': oneOf(['realtime'], { default: 'realtime' }),
  encoding: oneOf(['ascii', 'binary'], { default: 'ascii' }),
  'rollover-time': time({ default: '15' }),
  /** 0: every record is synchronous. */
  'fsync-interval': time({ default: '5' }),
  'changelog-barrier-timeout': time({ default: '120' }),
  'capture-del-path': bool({ default: 'off' }),
});
export type Options = OptionsOf<typeof options>;
