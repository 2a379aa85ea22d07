/** writev: what a write has to wait for before it may join the queue of writes. */

import type { Call } from '../../../mux/xlator/call.js';
import { valueBytes } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { MaybePromise, WriteArgs, WriteReply } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EBUSY, ENODATA, ENOSPC } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { statOf } from '../../disk/descriptors/file-stat.js';
import type { OpenFile } from '../../disk/open-file.js';
import { Write } from '../../disk/write.js';
import { refuseCloud } from './cloudsync-refusal.js';
import { refuseDevice } from './open.js';
import { usesReserve } from './space-check.js';

export function writev(store: BrickDir, call: Call, args: WriteArgs): MaybePromise<WriteReply> {
  refuseDevice(args.fd.inode);
  refuseCloud(store, args.xdata);
  const file = store.files.of(args.fd);
  const wait = store.space.take(args.size);
  const { xdata } = args;
  if (
    file instanceof Promise ||
    wait instanceof Promise ||
    store.space.full ||
    store.mdata.unread(args.fd.inode) ||
    (xdata !== null && (xdata.has(key.WRITE_PROTECTION) || xdata.has(key.AVOID_OVERWRITE)))
  ) {
    return prepare(store, call, args, file, wait);
  }
  return store.writes.add(new Write(call, args, file));
}

/** What a write has to wait for before it can be queued. */
async function prepare(
  store: BrickDir,
  call: Call,
  args: WriteArgs,
  opening: MaybePromise<OpenFile>,
  wait: MaybePromise<void>,
): Promise<WriteReply> {
  const file = await opening;
  try {
    await wait;
    if (store.space.full && !usesReserve(call, args.xdata) && !(await overwrites(store, file, args)))
      throw failure(ENOSPC);
    if (args.xdata !== null) await protect(store, call, args, file);
    await store.mdata.load(args.fd.inode);
  } catch (error) {
    file.release();
    throw error;
  }
  return store.writes.add(new Write(call, args, file));
}

/** Whether a write stays within what the file has on disk already. */
async function overwrites(store: BrickDir, file: OpenFile, args: WriteArgs): Promise<boolean> {
  const { errno, size, blocks, blockSize } = await statOf(store, file);
  if (errno !== 0) throw failure(errno);
  const sparse = blocks * blockSize < size;
  return args.offset + args.size <= size && !sparse;
}

/**
 * Migration of a file against its users: users' writes mark the file, and the migration's own writes fail with EBUSY once
 * it is marked.
 */
async function protect(store: BrickDir, call: Call, args: WriteArgs, file: OpenFile): Promise<void> {
  const mark = args.xdata!.get(key.WRITE_PROTECTION);
  const asks = args.xdata!.has(key.AVOID_OVERWRITE);
  if (mark === undefined && !asks) return;
  const b = batch();
  if (mark !== undefined) b.setxattr(file.fd, null, key.WRITE_PROTECTION, valueBytes(mark) ?? new Uint8Array(0));
  else b.getxattr(file.fd, null, key.WRITE_PROTECTION, 0, 0);
  await store.run(b, args.fd.inode.lane, store.priority(call, Priority.low));
  const r = b.result(0);
  b.release();
  if (mark !== undefined ? r < 0 : r !== -ENODATA) {
    store.fopFailed(`possible overwrite from internal client, gfid=${gfidText(args.fd.inode.gfid)}`, EBUSY);
    throw failure(EBUSY);
  }
}
