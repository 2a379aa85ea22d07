/** The usage that a file or directory moves along when it is renamed to another directory. */
import type { Call } from '../../../../mux/xlator/call.js';
import type { MaybePromise } from '../../../../mux/xlator/fops.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { S_IFDIR } from '../../../../native/linux.js';
import type { QuotaDemand } from './directory-limit.js';
import type { TreeUsage } from './quota-xattrs.js';

const BLOCK = 512;

/** Space that the accounting counts for a file. */
export const spaceOf = (stat: Iatt): number => stat.blocks * BLOCK;

/** What fops that report attributes before and after have added. */
export const grownBy = ({ pre, post }: { pre: Iatt; post: Iatt }): number => spaceOf(post) - spaceOf(pre);

/** The demand of moving or linking a file, or of moving a directory with all that is in it. usageOf: asks for that of a directory. */
export function movedUsage(
  layer: Translator,
  call: Call,
  inode: Inode,
  usageOf: (inode: Inode) => Promise<TreeUsage>,
): MaybePromise<QuotaDemand> {
  if (inode.type === S_IFDIR) {
    return usageOf(inode).then(({ bytes, files, dirs }) => ({ bytes, objects: files + dirs, divisible: false }));
  }
  return then(layer.next.stat(call, { inode, xdata: null }), ({ stat }) => ({
    bytes: spaceOf(stat),
    objects: 1,
    divisible: false,
  }));
}
