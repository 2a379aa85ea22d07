/** Changes one file as one batch: attributes before, the change, the time record, attributes after. */

import type { Call } from '../../../mux/xlator/call.js';
import type { PrePostReply } from '../../../mux/xlator/fops.js';
import { type Iatt, NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import type { Batch } from '../../../native/batch.js';
import { type FdRef, Priority } from '../../../native/layout.js';
import { BatchPart, runParts } from '../batch-parts.js';
import type { FileRef } from '../file-ref.js';
import { iattOf } from '../format/iatt-from-statx.js';
import type { Mdata } from '../format/mdata-record.js';
import { TimeStore } from '../times/time-stores.js';
import type { QueryContext } from './query-context.js';

export abstract class FileChange extends BatchPart {
  protected readonly disk: QueryContext;
  protected readonly call: Call;
  protected readonly inode: Inode;
  protected readonly file: FileRef;
  /** Times that the change sets (bits of TimeFlag). */
  readonly #flags: number;
  readonly #times: TimeStore;
  #before = 0;
  #after = 0;
  /** errno that failed the batch, or 0; the attributes are valid only without a failure. */
  errno = 0;
  pre: Iatt = NO_IATT;
  post: Iatt = NO_IATT;

  /** The file's record must have been loaded. */
  constructor(disk: QueryContext, call: Call, inode: Inode, file: FileRef, flags = call.timeFlags & 7) {
    super();
    this.disk = disk;
    this.call = call;
    this.inode = inode;
    this.file = file;
    this.#flags = flags;
    this.#times = new TimeStore(disk.timeStores, inode, inode.gfid);
  }

  /** Runs it in the inode's lane. */
  run(priority: Priority): Promise<void> {
    const { disk, inode } = this;
    return runParts(disk.queue, inode.lane, disk.priority(this.call, priority), [this], this.call);
  }

  /** The ops that change the file `name` below `fd`, or the open file `fd`. */
  protected abstract changeOps(b: Batch, fd: FdRef, name: string | null): void;

  /** The record of the file once it has changed; null when no time is set. */
  protected plan(): Mdata | null {
    return this.disk.mdata.planWith(this.inode, this.call, this.#flags);
  }

  protected override takeRoom(b: Batch): void {
    this.#before = b.statOut();
    this.#after = b.statOut();
  }

  protected override addOps(b: Batch): void {
    this.opsOn(b, this.file.fd, this.file.name);
  }

  protected opsOn(b: Batch, fd: FdRef, name: string | null): void {
    b.statx(fd, name, this.#before);
    this.changeOps(b, fd, name);
    this.#times.op(b, fd, name, this.plan());
    b.statx(fd, name, this.#after);
  }

  protected override takeResults(b: Batch): void {
    const { inode, disk } = this;
    const errno = b.errno;
    this.errno = errno;
    if (errno === 0) {
      this.pre = iattOf(b.f64, this.#before, inode.gfid, disk.mdata.of(inode));
      if (this.#times.underWay) this.replaceRecord();
    }
    this.#times.ended(b);
    if (errno === 0) this.post = iattOf(b.f64, this.#after, inode.gfid, disk.mdata.of(inode));
  }

  /** For a change that sets times and may lower them: makes the record in memory what the change has planned before it is raised to that. */
  protected replaceRecord(): void {}
}

/** A change by ops that are given as a function. */
class OpenFileChange extends FileChange {
  readonly #ops: (b: Batch, fd: number) => number | null;
  #op: number | null = null;
  count = 0;

  constructor(
    disk: QueryContext,
    call: Call,
    inode: Inode,
    file: FileRef,
    ops: (b: Batch, fd: number) => number | null,
  ) {
    super(disk, call, inode, file);
    this.#ops = ops;
  }
  protected override changeOps(b: Batch, fd: FdRef): void {
    this.#op = this.#ops(b, fd);
  }
  protected override takeResults(b: Batch): void {
    super.takeResults(b);
    this.count = this.#op === null ? 0 : b.result(this.#op);
  }
}

export interface ChangeResult {
  errno: number;
  /** Result of the op that `ops` has returned; 0 when it has returned none. */
  count: number;
  reply: PrePostReply;
}

/** Runs a change of an open file in the inode's lane; its record must have been loaded. Does not fail: the result tells the errno. */
export async function changeOpenFile(
  disk: QueryContext,
  call: Call,
  inode: Inode,
  file: FileRef,
  ops: (b: Batch, fd: number) => number | null,
): Promise<ChangeResult> {
  const change = new OpenFileChange(disk, call, inode, file, ops);
  await change.run(Priority.low);
  return { errno: change.errno, count: change.count, reply: { pre: change.pre, post: change.post, xdata: null } };
}
