/** Stores the xattrs that setxattr has prepared, batch by batch. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { assert } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { type FdRef, MAX_OPS, Priority } from '../../../native/layout.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../../disk/file-ref.js';
import { OpenFile, syncOutcome } from '../../disk/open-file.js';
import { FileChange } from '../../disk/query/data-change.js';

/** Ops in a batch besides the two stats and the time record. */
const PER_BATCH = 20;
assert(PER_BATCH + 4 <= MAX_OPS, 'a batch has room for the xattrs, two stats, the times and a sync');

/** One xattr to store, or the errno that ends the fop when its turn comes. */
export type XattrStep = Xattr | { errno: number };
export interface Xattr {
  name: string;
  value: Uint8Array;
}

/** Stores what was prepared; the first failure ends it. timeFlags: times to set on the way. */
export async function storeXattrs(
  store: BrickDir,
  call: Call,
  inode: Inode,
  file: FileRef,
  steps: XattrStep[],
  flags: number,
  timeFlags: number,
  durable = false,
): Promise<{ pre: Iatt; post: Iatt }> {
  await store.mdata.load(inode);
  const good: Xattr[] = [];
  let refusal = 0;
  for (const step of steps) {
    if ('errno' in step) {
      refusal = step.errno;
      break;
    }
    good.push(step);
  }
  let pre: Iatt | null = null;
  for (let i = 0; ; i += PER_BATCH) {
    const some = good.slice(i, i + PER_BATCH);
    const last = i + PER_BATCH >= good.length;
    const setting = new XattrSetting(
      store,
      call,
      inode,
      file,
      some,
      flags,
      timeFlags,
      durable && last && refusal === 0,
    );
    await setting.run(Priority.normal);
    const { errno } = setting;
    if (errno !== 0) {
      store.fopFailed(`setting xattr ${setting.failedName} of ${gfidText(inode.gfid)} failed`, errno);
      throw failure(errno);
    }
    pre ??= setting.pre;
    if (last && refusal === 0) return { pre, post: setting.post };
    if (last) throw failure(refusal);
  }
}

/** Stores some xattrs. */
class XattrSetting extends FileChange {
  readonly #xattrs: Xattr[];
  readonly #xattrFlags: number;
  readonly #sync: boolean;
  #first = 0;
  #syncOp = -1;
  /** Name of the xattr that has failed it; '' when something else has. */
  failedName = '';

  constructor(
    store: BrickDir,
    call: Call,
    inode: Inode,
    file: FileRef,
    xattrs: Xattr[],
    xattrFlags: number,
    timeFlags: number,
    sync: boolean,
  ) {
    super(store, call, inode, file, xattrs.length === 0 ? 0 : timeFlags);
    this.#xattrs = xattrs;
    this.#xattrFlags = xattrFlags;
    this.#sync = sync;
  }
  protected override changeOps(b: Batch, fd: FdRef, name: string | null): void {
    this.#first = b.length;
    for (const xattr of this.#xattrs) b.setxattr(fd, name, xattr.name, xattr.value, this.#xattrFlags);
    if (this.#sync) this.#syncOp = b.fsync(fd);
  }
  protected override takeResults(b: Batch): void {
    super.takeResults(b);
    const { failedOp } = b;
    const { file } = this;
    if (failedOp < 0) return;
    this.failedName = this.#xattrs[failedOp - this.#first]?.name ?? '';
    if (failedOp === this.#syncOp && file instanceof OpenFile) syncOutcome(file, -this.errno, b, -1);
  }
}
