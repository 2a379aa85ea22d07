/** An open file, and the results of syncs on its descriptor. */
import type { Batch } from '../../native/batch.js';
import { STAT } from '../../native/layout.js';
import { O_DIRECT } from '../../native/linux.js';
import type { FileRef } from './file-ref.js';

/** A descriptor and the flags that it was opened with. */
export class OpenFile implements FileRef {
  readonly fd: number;
  readonly name = null;
  readonly flags: number;
  /** Reads and writes bypass the page cache: memory, offsets and lengths must be aligned. */
  readonly direct: boolean;
  #lost = 0;

  constructor(fd: number, flags: number) {
    this.fd = fd;
    this.flags = flags;
    this.direct = (flags & O_DIRECT) !== 0;
  }
  release(): void {}

  /** errno of a failed sync: writes are lost, which the kernel reports only once. 0: none. Stays until the file is closed. */
  get lost(): number {
    return this.#lost;
  }
  /** A sync has failed. mtime: the file's, before it, as a text; '' if not known. */
  noteLost(errno: number, _mtime: string): void {
    this.#lost = errno;
  }
  /** A sync has succeeded although writes are lost. */
  noteSynced(_mtime: string): void {}
}

/**
 * The result of a sync that callers get, from that of the system call: the kernel reports lost writes to a descriptor once, so the next
 * sync succeeds, whether or not the data is there. b, stat: a stat result of the file from before the sync, -1 for none.
 */
export function syncOutcome(file: OpenFile, result: number, b: Batch, stat: number): number {
  if (result >= 0 && file.lost === 0) return result;
  // To tell whether a file was written to since.
  const mtime = stat < 0 ? '' : `${b.f64[stat + STAT.mtime]}.${b.f64[stat + STAT.mtimeNsec]}`;
  if (result < 0) file.noteLost(-result, mtime);
  else file.noteSynced(mtime);
  return result < 0 ? result : -file.lost;
}
