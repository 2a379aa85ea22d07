/** Converts a statx result to the attributes that clients see. */

import type { Gfid } from '../../../mux/xlator/gfid.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { doubleAt, STAT } from '../../../native/layout.js';
import { S_IFDIR, S_IFMT } from '../../../native/linux.js';
import type { Mdata } from './mdata-record.js';

/**
 * Attributes from a stat result.
 *
 * @param f64 The batch's memory; the result starts at `at`.
 * @param mdata The file's time record: its times replace those of the file system. Null when there is none.
 */
export function iattOf(f64: Float64Array, at: number, gfid: Gfid, mdata: Mdata | null): Iatt {
  const i = new Iatt();
  const mode = doubleAt(f64, at + STAT.mode);
  const nlink = doubleAt(f64, at + STAT.nlink);
  i.gfid = gfid;
  i.dev = doubleAt(f64, at + STAT.dev);
  i.mode = mode;
  // The handle is one more hard link of everything but directories; clients don't know of it.
  i.nlink = (mode & S_IFMT) === S_IFDIR || nlink === 0 ? nlink : nlink - 1;
  i.uid = doubleAt(f64, at + STAT.uid);
  i.gid = doubleAt(f64, at + STAT.gid);
  i.rdev = doubleAt(f64, at + STAT.rdev);
  const size = doubleAt(f64, at + STAT.size);
  i.size = size;
  i.blksize = doubleAt(f64, at + STAT.blksize);
  // File systems preallocate beyond the end of a file; quota and du of clients must not see that.
  const blocks = doubleAt(f64, at + STAT.blocks);
  i.blocks = Math.min(blocks, Math.ceil(size / 512));
  if (mdata === null) {
    i.atime = doubleAt(f64, at + STAT.atime);
    i.atimeNsec = doubleAt(f64, at + STAT.atimeNsec);
    i.mtime = doubleAt(f64, at + STAT.mtime);
    i.mtimeNsec = doubleAt(f64, at + STAT.mtimeNsec);
    i.ctime = doubleAt(f64, at + STAT.ctime);
    i.ctimeNsec = doubleAt(f64, at + STAT.ctimeNsec);
  } else {
    setTimes(i, mdata);
  }
  return i;
}

/** Puts the times of a record into attributes. */
function setTimes(i: Iatt, mdata: Mdata): void {
  i.atime = mdata.atime;
  i.atimeNsec = mdata.atimeNsec;
  i.mtime = mdata.mtime;
  i.mtimeNsec = mdata.mtimeNsec;
  i.ctime = mdata.ctime;
  i.ctimeNsec = mdata.ctimeNsec;
}
