/** Reads the symbolic link that is a directory's handle. */

import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../mux/xlator/fops.js';
import type { Gfid } from '../../../mux/xlator/gfid.js';
import { type Batch, batch } from '../../../native/batch.js';
import { EINVAL, ENOENT } from '../../../native/errno.js';
import { ALWAYS, Priority, reg } from '../../../native/layout.js';
import { O_NOFOLLOW, O_PATH } from '../../../native/linux.js';
import type { DiskContext } from '../context.js';
import { directoryLink, handleName, parseDirectoryLink } from '../format/handle-name.js';
import { type CachedOutcome, type CachedProgram, runCached } from '../run-cached.js';

const ROOM = 512;

/** Whether the handle of a directory leads to `name` in `parent`. False when there is none. */
export function handlePointsTo(disk: DiskContext, gfid: Gfid, parent: Gfid, name: string): MaybePromise<boolean> {
  const reading = new LinkReading(disk, gfid, directoryLink(parent, name));
  const running = runCached(disk, reading, Priority.normal);
  return running === null ? reading.matches : running.then(() => reading.matches);
}

/** Reads the handle of a directory and compares it. */
class LinkReading implements CachedProgram {
  readonly #disk: DiskContext;
  readonly #gfid: Gfid;
  readonly #expected: string;
  #at = 0;
  matches = false;

  constructor(disk: DiskContext, gfid: Gfid, expected: string) {
    this.#disk = disk;
    this.#gfid = gfid;
    this.#expected = expected;
  }

  program(b: Batch, resolve: number): void {
    this.#at = b.out(ROOM);
    b.open(this.#disk.glusterfsFd, handleName(this.#gfid), O_PATH | O_NOFOLLOW, 0, resolve);
    b.readlink(reg(0), '', this.#at, ROOM);
    b.close(reg(0), ALWAYS);
  }

  take(b: Batch): CachedOutcome {
    const length = b.result(1);
    const expected = this.#expected;
    this.matches = length === expected.length && b.view(this.#at, length).latin1Slice(0, length) === expected;
    return 'done';
  }
}

/** Parent and name of a directory, as its handle has them. ENOENT when it has none. */
export async function readDirectoryHandle(disk: DiskContext, gfid: Gfid): Promise<{ parent: Gfid; name: string }> {
  const b = batch();
  const at = b.out(ROOM);
  b.readlink(disk.glusterfsFd, handleName(gfid), at, ROOM);
  await disk.run(b, 0, Priority.high);
  const length = b.result(0);
  const text = length > 0 ? b.view(at, length).latin1Slice(0, length) : '';
  b.release();
  // EINVAL: a hard link is no directory's handle. A disk that fails has not lost it.
  if (length < 0) throw failure(length === -EINVAL ? ENOENT : length);
  const link = parseDirectoryLink(text);
  if (link === null) {
    disk.log.error(0, `malformed handle ${handleName(gfid)}: ${JSON.stringify(text)}`);
    throw failure(ENOENT);
  }
  return link;
}
