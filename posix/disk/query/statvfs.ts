/** Counters of the file system that a brick is on, as statvfs(2) gives them. */

import { failure } from '../../../mux/xlator/fop-error.js';
import { batch, doubleAt, Priority, STATVFS_DOUBLES } from '../../../native/batch.js';
import type { DiskContext } from '../context.js';

/** Sizes are in blocks of `frsize` bytes. */
export interface Statvfs {
  bsize: number;
  frsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  favail: number;
  fsid: number;
  flag: number;
  namemax: number;
}

/** Asks for the counters. Fails with the errno of the disk. */
export async function statvfs(disk: DiskContext): Promise<Statvfs> {
  const b = batch();
  const at = b.doubles(b.out(STATVFS_DOUBLES * 8));
  b.statvfs(disk.rootFd, at);
  await disk.run(b, 0, Priority.high);
  const { errno, f64 } = b;
  const counters = {
    bsize: doubleAt(f64, at),
    frsize: doubleAt(f64, at + 1),
    blocks: doubleAt(f64, at + 2),
    bfree: doubleAt(f64, at + 3),
    bavail: doubleAt(f64, at + 4),
    files: doubleAt(f64, at + 5),
    ffree: doubleAt(f64, at + 6),
    favail: doubleAt(f64, at + 7),
    fsid: doubleAt(f64, at + 8),
    flag: doubleAt(f64, at + 9),
    namemax: doubleAt(f64, at + 10),
  };
  b.release();
  if (errno !== 0) throw failure(errno);
  return counters;
}
