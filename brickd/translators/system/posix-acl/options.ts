/** Options of system/posix-acl, which volfiles also call features/access-control: permission checks by mode and ACL. */
import { int } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'super-uid': int({ default: '0', min: 0, max: 0xffffffff }),
});
export type Options = OptionsOf<typeof options>;
