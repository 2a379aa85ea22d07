/** Sizes and link counts of open files. */
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { batch } from '../../../native/batch.js';
import { doubleAt, Priority, STAT } from '../../../native/layout.js';
import type { DiskContext } from '../context.js';
import type { OpenFile } from '../open-file.js';
import { runOnOpen } from '../run-cached.js';

export interface FileStat {
  /** 0, or the errno of the stat; everything else is 0 then. */
  errno: number;
  size: number;
  blocks: number;
  blockSize: number;
  links: number;
}

/** Size and links of an open file: on this thread where calls on what is open don't wait. */
export function statOf(disk: DiskContext, file: OpenFile): MaybePromise<FileStat> {
  const b = batch();
  const at = b.statOut();
  b.statx(file.fd, null, at);
  const taken = (): FileStat => {
    const f = b.f64;
    const value = (i: number): number => (b.result(0) === 0 ? doubleAt(f, at + i) : 0);
    const stat = {
      errno: -b.result(0),
      size: value(STAT.size),
      blocks: value(STAT.blocks),
      blockSize: value(STAT.blksize),
      links: value(STAT.nlink),
    };
    b.release();
    return stat;
  };
  const running = runOnOpen(disk, b, Priority.high);
  return running === null ? taken() : running.then(taken);
}
