/** statfs below a limit (deem-statfs): the limit is the size of the file system, and what it leaves is free. */

import type { StatfsReply } from '../../../../mux/xlator/fops.js';
import { copyDict } from '../../copy-dict.js';
import type { DirectoryLimit } from './directory-limit.js';

/** Tells the client that figures of several bricks are of one limit: not to be added up. */
const DEEM_STATFS = 'quota-deem-statfs';
/** The caller wants the file system's own figures. */
export const IGNORE_DEEM_STATFS = 'ignore-deem-statfs';

export function limitedStatfs(reply: StatfsReply, limit: DirectoryLimit): StatfsReply {
  const { usage } = limit.limits;
  if (usage === null) return reply;
  const { bsize } = reply;
  const blocks = Math.floor(usage.hard / bsize);
  const free = Math.max(blocks - Math.floor(limit.bytes / bsize), 0);
  return { ...reply, blocks, bfree: free, bavail: free, xdata: copyDict(reply.xdata).setInt(DEEM_STATFS, 1) };
}
