/** Size and free space of the brick's file system, from statvfs(2). */

import { failure } from '../../../mux/xlator/fop-error.js';
import { batch } from '../../../native/batch.js';
import { doubleAt, Priority, STATVFS, STATVFS_DOUBLES } from '../../../native/layout.js';
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
    bsize: doubleAt(f64, at + STATVFS.bsize),
    frsize: doubleAt(f64, at + STATVFS.frsize),
    blocks: doubleAt(f64, at + STATVFS.blocks),
    bfree: doubleAt(f64, at + STATVFS.bfree),
    bavail: doubleAt(f64, at + STATVFS.bavail),
    files: doubleAt(f64, at + STATVFS.files),
    ffree: doubleAt(f64, at + STATVFS.ffree),
    favail: doubleAt(f64, at + STATVFS.favail),
    fsid: doubleAt(f64, at + STATVFS.fsid),
    flag: doubleAt(f64, at + STATVFS.flag),
    namemax: doubleAt(f64, at + STATVFS.namemax),
  };
  b.release();
  if (errno !== 0) throw failure(errno);
  return counters;
}
