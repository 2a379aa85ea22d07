/** Whole small files, as look-ups hand them out (`glusterfs.content`). */

import type { MaybePromise } from '../../../mux/xlator/fops.js';
import { ALWAYS, type Batch, batch, Priority, reg } from '../../../native/batch.js';
import { EAGAIN, EOPNOTSUPP } from '../../../native/errno.js';
import { O_RDONLY, RESOLVE_CACHED, RWF_NOWAIT } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';
import type { DiskContext } from '../context.js';
import { INLINE_BYTES } from '../inline-policy.js';

const NO_BYTES = new Uint8Array(0);

/** Bytes of content that a thread reads from disks at the same time; further files wait. */
const MOST_AT_ONCE = 32 << 20;
let beingRead = 0;
const waiting: (() => void)[] = [];

/** Resolves when so many bytes may be read. */
async function turn(bytes: number): Promise<void> {
  while (beingRead > 0 && beingRead + bytes > MOST_AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  beingRead += bytes;
}

function turnOver(bytes: number): void {
  beingRead -= bytes;
  // All of them look again: they want different amounts.
  for (const go of waiting.splice(0)) go();
}

/**
 * The first `size` bytes of the regular file `name` in `dir` (shorter when the file has shrunk); null when it can't be read.
 * At once if they are in the page cache.
 */
export function readContent(
  disk: DiskContext,
  dir: number,
  name: string,
  size: number,
): MaybePromise<Uint8Array | null> {
  if (size === 0) return NO_BYTES;
  if (!disk.inline || size > INLINE_BYTES) return readOnPool(disk, dir, name, size);
  const into = region(size);
  const b = batch();
  program(b, dir, name, into.address, size, RESOLVE_CACHED, RWF_NOWAIT);
  disk.inlining.run(b);
  const waits = mustWait(b.result(0)) || mustWait(b.result(1)) || (b.result(1) >= 0 && b.result(1) < size);
  const n = b.result(1);
  b.release();
  if (waits) {
    into.release();
    return readOnPool(disk, dir, name, size);
  }
  const bytes = n < 0 ? null : Uint8Array.prototype.slice.call(into.bytes, 0, n);
  into.release();
  return bytes;
}

function mustWait(r: number): boolean {
  return r === -EAGAIN || r === -EOPNOTSUPP;
}

function program(
  b: Batch,
  dir: number,
  name: string,
  address: number,
  size: number,
  resolve: number,
  rwf: number,
): void {
  // The name may mean something else by now.
  b.openRegular(dir, name, O_RDONLY, false, resolve);
  b.pread(reg(0), address, size, 0, rwf);
  b.close(reg(0), ALWAYS);
}

async function readOnPool(disk: DiskContext, dir: number, name: string, size: number): Promise<Uint8Array | null> {
  await turn(size);
  const into = region(size);
  const b = batch();
  program(b, dir, name, into.address, size, 0, 0);
  await disk.run(b, 0, Priority.high);
  turnOver(size);
  const n = b.result(1);
  const errno = b.errno;
  b.release();
  const bytes = n < 0 ? null : Uint8Array.prototype.slice.call(into.bytes, 0, n);
  into.release();
  if (n < 0) disk.fopFailed(`reading the content of ${JSON.stringify(name)} failed`, errno);
  return bytes;
}
