/** Options of features/selinux: keeps security labels under a name of Gluster's own. */
import { bool } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  selinux: bool({ default: 'on' }),
});
export type Options = OptionsOf<typeof options>;
