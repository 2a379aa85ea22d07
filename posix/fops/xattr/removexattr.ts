/** The fops removexattr and fremovexattr: one xattr, or several that are keys of xdata. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FremovexattrArgs, MaybePromise, RemovexattrArgs, Xdata } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { assert } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { ENODATA } from '../../../native/errno.js';
import { type FdRef, MAX_OPS, Priority } from '../../../native/layout.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../../disk/file-ref.js';
import { isGfid2path, isIdentity, isRestricted, isUser } from '../../disk/format/xattr-names.js';
import { exclusively } from '../../disk/inode-state.js';
import { FileChange } from '../../disk/query/data-change.js';
import { statsOf } from './setxattr.js';
import { refuseXattr } from './xattr-refusal.js';

const PER_BATCH = 20;
assert(PER_BATCH + 3 <= MAX_OPS, 'a batch has room for the xattrs, two stats and the times');

export async function removexattr(store: BrickDir, call: Call, args: RemovexattrArgs): Promise<Xdata> {
  const { inode, name, xdata } = args;
  return remove(store, call, inode, () => store.fileRef(inode), name, xdata);
}

export async function fremovexattr(store: BrickDir, call: Call, args: FremovexattrArgs): Promise<Xdata> {
  const { fd, name, xdata } = args;
  return remove(store, call, fd.inode, () => store.files.fileRef(fd), name, xdata);
}

async function remove(
  store: BrickDir,
  call: Call,
  inode: Inode,
  findFile: () => MaybePromise<FileRef>,
  name: string,
  xdata: Xdata['xdata'],
): Promise<Xdata> {
  if (isGfid2path(name)) throw failure(ENODATA);
  const many = name === '' && xdata !== null;
  const names = many ? [...xdata.map.keys()] : [name];
  if (names.some(isIdentity)) refuseXattr(store, 'removexattr of the identity of a file or brick');
  if (isUser(call) && names.some(isRestricted)) refuseXattr(store, 'removexattr of a restricted key by a user');
  const run = async () => {
    const file = await findFile();
    try {
      return await removeAll(store, call, inode, file, names, many);
    } finally {
      file.release();
    }
  };
  // As with setting: what comes while a directory is being healed is newer than what is healed.
  const state = store.state(inode);
  return many || state.busy ? exclusively(state, run) : run();
}

async function removeAll(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: FileRef,
  names: string[],
  many: boolean,
): Promise<Xdata> {
  await store.mdata.load(inode);
  const { pre, post } = await removeSome(store, call, inode, file, names.slice(0, PER_BATCH), many);
  let last = post;
  for (let i = PER_BATCH; i < names.length; i += PER_BATCH) {
    last = (await removeSome(store, call, inode, file, names.slice(i, i + PER_BATCH), many)).post;
  }
  return { xdata: statsOf(pre, last) };
}

class Removal extends FileChange {
  readonly #names: string[];
  #first = 0;
  /** Index of the name that failed it; others than the names: out of range. */
  failedAt = -1;

  constructor(store: BrickDir, call: Call, inode: Inode, file: FileRef, names: string[]) {
    super(store, call, inode, file);
    this.#names = names;
  }
  protected override changeOps(b: Batch, fd: FdRef, name: string | null): void {
    this.#first = b.length;
    for (const xattr of this.#names) b.removexattr(fd, name, xattr);
  }
  protected override takeResults(b: Batch): void {
    super.takeResults(b);
    this.failedAt = b.failedOp - this.#first;
  }
}

/** many: an xattr that is not there is fine, as removing one can remove others with it. */
async function removeSome(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: FileRef,
  names: string[],
  many: boolean,
): Promise<Removal> {
  const removal = new Removal(store, call, inode, file, names);
  await removal.run(Priority.normal);
  const { errno, failedAt: at } = removal;
  if (errno === 0) return removal;
  if (many && errno === ENODATA && at >= 0) return removeSome(store, call, inode, file, names.slice(at + 1), many);
  store.fopFailed(`removexattr of ${names[at] ?? ''} on ${gfidText(inode.gfid)} failed`, errno);
  throw failure(errno);
}
