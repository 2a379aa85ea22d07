/** Options of features/index: the list of files that await healing. */
import { list, path } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  'index-base': path({ required: true, live: false }),
  'xattrop64-watchlist': list({ default: 'trusted.ec.dirty', live: false }),
  'xattrop-dirty-watchlist': list({ default: 'trusted.afr.dirty', live: false }),
  'xattrop-pending-watchlist': list({ live: false }),
});
export type Options = OptionsOf<typeof options>;
