/** Options of features/simple-quota: limits on the space that namespaces take (GlusterFS 11). */
import { bool } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

/** Every brick volfile of GlusterFS 11 has a volume of this type, and none of GlusterFS 10. */
export const SIMPLE_QUOTA_TYPE = 'features/simple-quota';

export const options = defineOptions({
  'pass-through': bool({ default: 'true' }),
  /** The project quota of the brick's file system counts and refuses; nothing is counted here. */
  'use-backend': bool({ default: 'false' }),
  /** Anybody's statfs has the usage written, not only that of the quota helper. */
  'cmd-from-all-client': bool({ default: 'false' }),
  /** The volume has one sub-volume: what this brick counts is all that there is. */
  'no-distribute': bool({ default: 'false' }),
});
export type Options = OptionsOf<typeof options>;
