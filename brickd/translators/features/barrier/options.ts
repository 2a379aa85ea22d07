/** Options of features/barrier: holds acknowledgements back while a snapshot is taken. */
import { bool, time } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  barrier: bool({ default: 'disable' }),
  'barrier-timeout': time({ default: '120' }),
});
export type Options = OptionsOf<typeof options>;
