/** Removes quota's xattrs from a file after quota was disabled: glusterd makes a client ask for it, file by file. */
import type { Call } from '../../../../../mux/xlator/call.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import { FopError } from '../../../../../mux/xlator/fop-error.js';
import type { Xdata } from '../../../../../mux/xlator/fops.js';
import type { Inode } from '../../../../../mux/xlator/inode.js';
import type { Translator } from '../../../../../mux/xlator/translator.js';
import { ENODATA } from '../../../../../native/errno.js';
import { DIRTY, PGFID_PREFIX, QUOTA_PREFIX, type QuotaNames } from './quota-xattrs.js';

/** current: names of the version in use, which stays if quota has been enabled again; null: it has not. */
export async function cleanUp(layer: Translator, call: Call, inode: Inode, current: QuotaNames | null): Promise<Xdata> {
  const { dict } = await layer.next.getxattr(call, { inode, name: '', xdata: null });
  const doomed = new Dict();
  for (const name of dict?.map.keys() ?? []) if (isLeftOver(name, current)) doomed.setInt(name, 0);
  if (doomed.size > 0) {
    try {
      await layer.next.removexattr(call, { inode, name: '', xdata: doomed });
    } catch (thrown) {
      if (!(thrown instanceof FopError && thrown.errno === ENODATA)) throw thrown;
    }
  }
  return { xdata: null };
}

function isLeftOver(name: string, current: QuotaNames | null): boolean {
  // Links by directory are counted, and directories flagged, whatever the version.
  if (name.startsWith(PGFID_PREFIX) || name === DIRTY) return current === null;
  return name.startsWith(QUOTA_PREFIX) && current?.isCurrent(name) !== true;
}
