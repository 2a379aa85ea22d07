/** Options of features/trash: keeps what is unlinked or cut short in a folder of the brick. */
import { bool, list, path, size, str } from '../../../../volfiles/option-types.js';
import { defineOptions, type OptionsOf } from '../../../../volfiles/options.js';

export const options = defineOptions({
  /** Once on, it stays on until the brick starts again. */
  trash: bool({ default: 'off' }),
  'trash-dir': str({ default: '.trashcan' }),
  /** Path prefixes in the volume that are not kept. */
  'trash-eliminate-path': list(),
  /** Larger files are not kept; 0 stands for 200 MB. */
  'trash-max-filesize': size({ default: '5MB' }),
  'trash-internal-op': bool({ default: 'off' }),
  'brick-path': path({ live: false }),
});
export type Options = OptionsOf<typeof options>;
