/** Reads a file's time record in the batch of a fop on that file. */

import type { Inode } from '../../../mux/xlator/inode.js';
import { assert } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { ENODATA } from '../../../native/errno.js';
import type { FileRef } from '../file-ref.js';
import { MDATA_KEY } from '../format/mdata-record.js';
import type { TimeRecords } from './time-records.js';

/** Bytes to reserve in a batch for a record. */
export const MDATA_ROOM = 64;

/** Takes over what op `op` of a batch that has run has read of a file's record into `MDATA_ROOM` bytes at `address`. */
export function readTimes(records: TimeRecords, inode: Inode, b: Batch, op: number, address: number): void {
  const length = b.result(op);
  if (length < 0 && length !== -ENODATA) return;
  records.found(inode, inode.gfid, b.view(address, MDATA_ROOM), 0, length);
}

/**
 * The record of a file that a batch reads, read along with it unless it is in memory already: `reserve` before any text goes into the
 * batch, `op` among the ops, `take` after it has run. No BatchPart: what is read is handed on with the batch that holds it.
 */
export class TimeReading {
  readonly #records: TimeRecords;
  readonly #inode: Inode;
  #address = 0;
  #op = -1;
  readonly wanted: boolean;

  constructor(records: TimeRecords, inode: Inode) {
    this.#records = records;
    this.#inode = inode;
    this.wanted = records.unread(inode);
  }
  reserve(b: Batch): void {
    if (this.wanted) this.#address = b.out(MDATA_ROOM);
  }
  op(b: Batch, file: FileRef, flags: number): void {
    if (!this.wanted) return;
    assert(this.#address !== 0, 'a record is read into room that was reserved');
    this.#op = b.getxattr(file.fd, file.name, MDATA_KEY, this.#address, MDATA_ROOM, flags);
  }
  take(b: Batch): void {
    if (!this.wanted) return;
    assert(this.#op >= 0, 'a record is taken from the batch that has read it');
    readTimes(this.#records, this.#inode, b, this.#op, this.#address);
  }
}
