/** A change of a file's data as one batch: attributes before, the change, the time record, attributes after. */

import type { Call } from '../../../mux/xlator/call.js';
import type { PrePostReply } from '../../../mux/xlator/fops.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { type Batch, batch } from '../../../native/batch.js';
import { Priority } from '../../../native/layout.js';
import type { FileRef } from '../file-ref.js';
import { iattOf } from '../format/iatt-from-statx.js';
import type { Mdata } from '../format/mdata-record.js';
import type { QueryContext } from './query-context.js';

export class Change {
  readonly #disk: QueryContext;
  readonly #call: Call;
  readonly #inode: Inode;
  readonly #flags: number;
  #before = 0;
  #after = 0;
  #planned: Mdata | null = null;
  #timesOp = -1;
  pre: Iatt = NO_IATT;
  post: Iatt = NO_IATT;

  /** flags: the times that the change sets (bits of TimeFlag). The file's record must have been loaded. */
  constructor(disk: QueryContext, call: Call, inode: Inode, flags = call.timeFlags & 7) {
    this.#disk = disk;
    this.#call = call;
    this.#inode = inode;
    this.#flags = flags;
  }

  /** First of all: room for results. */
  reserve(b: Batch): void {
    this.#before = b.statOut();
    this.#after = b.statOut();
  }
  beginOps(b: Batch, fd: number, name: string | null): void {
    b.statx(fd, name, this.#before);
  }
  endOps(b: Batch, fd: number, name: string | null): void {
    const { mdata } = this.#disk;
    this.#planned = mdata.planWith(this.#inode, this.#call, this.#flags);
    if (this.#planned !== null) this.#timesOp = mdata.storeOp(b, fd, name, this.#planned, this.#inode);
    b.statx(fd, name, this.#after);
  }
  /** After the batch has run, whatever came of it. Returns the errno that failed it, or 0. */
  ended(b: Batch): number {
    const { mdata } = this.#disk;
    const { gfid } = this.#inode;
    const errno = b.errno;
    if (errno === 0) this.pre = iattOf(b.f64, this.#before, gfid, mdata.of(this.#inode));
    if (this.#planned !== null) mdata.stored(b, this.#timesOp, this.#planned, this.#inode, gfid);
    if (errno === 0) this.post = iattOf(b.f64, this.#after, gfid, mdata.of(this.#inode));
    return errno;
  }
}

export interface ChangeResult {
  errno: number;
  /** Result of the op that `ops` has returned; 0 when it has returned none. */
  count: number;
  reply: PrePostReply;
}

/** Runs a change of an open file in the inode's lane. Does not fail: the result tells the errno. */
export async function changeOpenFile(
  disk: QueryContext,
  call: Call,
  inode: Inode,
  file: FileRef,
  ops: (b: Batch, fd: number) => number | null,
): Promise<ChangeResult> {
  await disk.mdata.load(inode);
  const change = new Change(disk, call, inode);
  const b = batch();
  change.reserve(b);
  change.beginOps(b, file.fd, file.name);
  const op = ops(b, file.fd);
  change.endOps(b, file.fd, file.name);
  await disk.run(b, inode.lane, disk.priority(call, Priority.low));
  const errno = change.ended(b);
  const count = op === null ? 0 : b.result(op);
  b.release();
  return { errno, count, reply: { pre: change.pre, post: change.post, xdata: null } };
}
