/** Xdata keys of a lookup whose values need more than the file itself. */

import { nullOnFailure } from '../../../mux/xlator/fop-error.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import type { DiskContext } from '../context.js';
import { ancestryPath } from './ancestry.js';
import type { XattrFound, XattrWants } from './xattr-reply.js';

/** Answers `glusterfs.ancestry.path`, if it is asked for and the path can be told. */
export async function pathWord(disk: DiskContext, wants: XattrWants, found: XattrFound, stat: Iatt): Promise<void> {
  if (found.dict === null || wants.words?.includes(key.ANCESTRY_PATH) !== true) return;
  const path = await ancestryPath(disk, stat.gfid, stat.isDirectory).catch(nullOnFailure);
  if (path !== null) found.dict.setText(key.ANCESTRY_PATH, path);
}
