/** The border functions by wire number, derived from the table of fops. */

import type { IpcReq } from '../wire/programs/glusterfs4.js';
import { FOPS } from '../xlator/fop-table.js';
import type { Xdata } from '../xlator/fops.js';
import * as attr from './attr.js';
import * as data from './data.js';
import * as directory from './directory.js';
import * as entry from './entry.js';
import { type Border, commonRsp, EMPTY_XDATA } from './handler.js';
import * as lock from './lock.js';
import * as xattr from './xattr.js';

export type { Border };

const ipc: Border<IpcReq, Xdata> = {
  wind: (s, call, q) => s.top.ipc(call, { op: q.op, xdata: q.xdata }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

const byName: Record<string, Border | undefined> = {
  ...attr,
  ...data,
  ...directory,
  ...entry,
  ...lock,
  ...xattr,
  ipc,
  releasedir: data.release,
} as unknown as Record<string, Border | undefined>;

/** Index: procedure number of the GlusterFS 4.x program. */
export const BORDERS: readonly (Border | undefined)[] = (() => {
  const list: (Border | undefined)[] = [];
  for (const fop of FOPS) list[fop.number] = byName[fop.name];
  return list;
})();
