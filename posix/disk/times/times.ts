/** Time records as fops on files need them: reading one with the fop's own batch, setting times without waiting. */

import { background } from '../../../mux/base/fault.js';
import { type Call, TimeFlag } from '../../../mux/xlator/call.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import type { Batch } from '../../../native/batch.js';
import { ENODATA } from '../../../native/errno.js';
import type { Store } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../descriptors/file-ref.js';
import { MDATA_KEY } from '../format/mdata-record.js';

/** Bytes to reserve in a batch for a record. */
export const MDATA_ROOM = 64;

const OWN_TIMES = TimeFlag.ctime | TimeFlag.mtime | TimeFlag.atime;

/** Takes over what op `op` of a batch that has run has read of a file's record into `MDATA_ROOM` bytes at `address`. */
export function readTimes(store: Store, inode: Inode, b: Batch, op: number, address: number): void {
  const length = b.result(op);
  if (length < 0 && length !== -ENODATA) return;
  store.mdata.found(inode, inode.gfid, b.view(address, MDATA_ROOM), 0, length);
}

/**
 * The record of a file that a batch touches, read along with it unless it is in memory already: `reserve` before any text
 * goes into the batch, `op` among the ops, `take` after it has run.
 */
export class TimesReading {
  readonly #store: Store;
  readonly #inode: Inode;
  #address = 0;
  #op = -1;
  readonly wanted: boolean;

  constructor(store: Store, inode: Inode) {
    this.#store = store;
    this.#inode = inode;
    this.wanted = store.mdata.unread(inode);
  }
  reserve(b: Batch): void {
    if (this.wanted) this.#address = b.out(MDATA_ROOM);
  }
  op(b: Batch, file: FileRef, flags: number): void {
    if (this.wanted) this.#op = b.getxattr(file.fd, file.name, MDATA_KEY, this.#address, MDATA_ROOM, flags);
  }
  take(b: Batch): void {
    if (this.wanted) readTimes(this.#store, this.#inode, b, this.#op, this.#address);
  }
}

/** Sets the times that a call wants to be set: in memory at once, on disk soon. The call does not wait for the disk. */
export function touchSoon(store: Store, inode: Inode, call: Call, flags = call.timeFlags & OWN_TIMES): void {
  if (flags === 0) return;
  const stored = store.mdata.touch(inode, call, flags);
  if (stored instanceof Promise) {
    background(stored, store.log, 'setting times failed');
  }
}
