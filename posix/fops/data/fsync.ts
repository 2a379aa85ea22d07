/** The fops fsync (combined, if the volume asks for that) and fsyncdir. */

import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { FsyncArgs, MaybePromise, PrePostReply, Xdata } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { iattOf } from '../../disk/format/iatt-from-statx.js';
import { syncOutcome } from '../../disk/open-file.js';
import { TimeReading } from '../../disk/times/time-reading.js';

const NO_REPLY: Xdata = Object.freeze({ xdata: null });

export async function fsync(store: BrickDir, call: Call, args: FsyncArgs): Promise<PrePostReply> {
  if (store.options['batch-fsync-mode'] !== 'none' && args.xdata?.has(key.BATCH_FSYNC) === true) {
    return store.syncs.add(args);
  }
  const { inode } = args.fd;
  const file = await store.files.of(args.fd);
  try {
    const times = new TimeReading(store.mdata, inode);
    const b = batch();
    const before = b.statOut();
    const after = b.statOut();
    times.reserve(b);
    b.statx(file.fd, null, before);
    const sync = args.datasync ? b.fdatasync(file.fd) : b.fsync(file.fd);
    b.statx(file.fd, null, after);
    times.op(b, file, IGNORE);
    await store.run(b, 0, store.priority(call, Priority.low), call);
    let { errno } = b;
    if (errno === 0) times.take(b);
    if (errno === 0 || b.failedOp === sync) errno = -syncOutcome(file, b.result(sync), b, before);
    const mdata = store.mdata.of(inode);
    const pre = iattOf(b.f64, before, inode.gfid, mdata);
    const post = iattOf(b.f64, after, inode.gfid, mdata);
    b.release();
    if (errno !== 0) failed(store, args, errno);
    return { pre, post, xdata: null };
  } finally {
    file.release();
  }
}

function failed(store: BrickDir, args: FsyncArgs, errno: number): never {
  store.fopFailed(`fsync on ${gfidText(args.fd.inode.gfid)} failed`, errno);
  throw failure(errno);
}

/** Directories are as safe as their file system makes them: nothing to do. EINVAL without an open directory. */
export function fsyncdir(store: BrickDir, args: FsyncArgs): MaybePromise<Xdata> {
  return then(store.files.fileRef(args.fd), (file) => {
    file.release();
    return NO_REPLY;
  });
}
