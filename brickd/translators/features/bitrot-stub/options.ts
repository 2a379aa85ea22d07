/** Options of features/bitrot-stub: versions and signatures of files for bit-rot detection. */
import { bool, path } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  bitrot: bool({ default: 'off' }),
  export: path({ live: false }),
});
export type Options = OptionsOf<typeof options>;
