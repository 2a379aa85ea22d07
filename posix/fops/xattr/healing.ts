/** Xattr requests by which clients heal files: raising times, and removing xattrs that a directory should not have. */

import type { Call } from '../../../mux/xlator/call.js';
import type { Dict, MdataIatt } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../../disk/file-ref.js';
import { decodeMdata, encodeMdata, MDATA_KEY, Mdata } from '../../disk/format/mdata-record.js';
import { eachXattr } from '../../disk/query/xattr-reply.js';

/** Xattrs that are removed by one batch, and bytes of a listing of them all. */
const PER_BATCH = 20;
const LIST_ROOM = 1 << 20;

/** The record in a request. */
export function timesOf(v: MdataIatt): Mdata {
  const m = new Mdata();
  m.atime = v.atime;
  m.atimeNsec = v.atimeNsec;
  m.mtime = v.mtime;
  m.mtimeNsec = v.mtimeNsec;
  m.ctime = v.ctime;
  m.ctimeNsec = v.ctimeNsec;
  return m;
}

/** Gives a file a time record, or raises the one that it has. The caller has the inode for himself. */
export async function raiseTimes(store: BrickDir, inode: Inode, file: FileRef, given: Mdata): Promise<void> {
  if (store.mdata.enabled) {
    await store.mdata.load(inode);
    const m = store.mdata.of(inode)?.copy() ?? given;
    m.raise(given);
    await store.timeStores.replace(inode, m);
    return;
  }
  const b = batch();
  const at = b.out(64);
  b.getxattr(file.fd, file.name, MDATA_KEY, at, 64, IGNORE);
  await store.run(b, inode.lane, Priority.normal);
  const m = decodeMdata(b.view(at, 64), 0, b.result(0)) ?? given;
  b.release();
  m.raise(given);
  const w = batch();
  w.setxattr(file.fd, file.name, MDATA_KEY, encodeMdata(m));
  await store.run(w, inode.lane, Priority.normal);
  const errno = w.errno;
  w.release();
  if (errno !== 0) throw failure(errno);
}

/** Healing of a directory: it has the user's xattrs and ACLs of the dictionary, which are set, and none besides. */
export async function removeOthers(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: FileRef,
  dict: Dict,
): Promise<void> {
  const priority = store.priority(call, Priority.normal);
  const into = region(LIST_ROOM);
  const b = batch();
  b.xattrs(file.fd, file.name, 'user.*\0system.posix_acl_*', into.address, into.capacity);
  await store.run(b, inode.lane, priority);
  const r = b.result(0);
  b.release();
  const stale: string[] = [];
  if (r > 0) {
    eachXattr(into.bytes, 0, r, (name) => {
      if (!wanted(dict, name)) stale.push(name);
    });
  }
  into.release();
  if (r < 0) throw failure(r);
  for (let i = 0; i < stale.length; i += PER_BATCH) {
    const w = batch();
    for (const name of stale.slice(i, i + PER_BATCH)) w.removexattr(file.fd, file.name, name, IGNORE);
    await store.run(w, inode.lane, priority);
    const errno = w.errno;
    w.release();
    if (errno !== 0) throw failure(errno);
  }
}

function wanted(dict: Dict, name: string): boolean {
  if (dict.has(name)) return true;
  if (name === key.ACL_ACCESS_XATTR) return dict.has(key.ACL_ACCESS_TEXT);
  return name === key.ACL_DEFAULT_XATTR && dict.has(key.ACL_DEFAULT_TEXT);
}
