/** Handlers of data fops: open, read, write, truncate, allocate, sync, release. */

import { EFBIG, EINVAL, EMFILE, ENOTCONN } from '../../native/errno.js';
import type { ReadReq } from '../wire/programs/glusterfs4.js';
import type { Call } from '../xlator/call.js';
import { failure } from '../xlator/fop-error.js';
import type {
  CopyFileRangeReply,
  MaybePromise,
  PrePostReply,
  RchecksumReply,
  ReadReply,
  SeekReply,
  WriteReply,
  Xdata,
} from '../xlator/fops.js';
import { NO_IATT } from '../xlator/iatt.js';
import { Fd } from '../xlator/inode.js';
import { then } from '../xlator/maybe-promise.js';
import { admitOpen } from './descriptor-budget.js';
import type { FopContext } from './fop-context.js';
import { BLANK_PREPOST, commonRsp, EMPTY_XDATA, type FopHandler, prePostRsp } from './handler.js';
import { openFlag } from './open-flags.js';
import { resolveFd, resolveInode } from './resolve.js';

/** The largest file offset that is exact as a number; files beyond it (8 PiB) are refused. */
const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

/** What the largest read is charged with: longer ones are answered in part. */
const LARGEST_READ = 64 << 20;

/** off_t as stock sees it: what has the top bit set is negative. */
function checkOffset(offset: number): void {
  if (offset >= 2 ** 63) throw failure(EINVAL);
  if (offset > MAX_OFFSET) throw failure(EFBIG);
}

export interface OpenedReply extends Xdata {
  fdNumber: number;
}
export const BLANK_OPENED: OpenedReply = { fdNumber: 0, xdata: null };
export const openedRsp = (r: OpenedReply) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata, fd: r.fdNumber });

/** Opens an fd and gives it its number. When that fails, whatever translators have opened for it already is closed. */
export function opening(ctx: FopContext, fd: Fd, open: () => MaybePromise<Xdata>): MaybePromise<OpenedReply> {
  const failed = (error: unknown): never => {
    if (fd.ctx.length === 0) throw error;
    ctx.brick.fdOpened(fd);
    ctx.brick.releaseFd(fd);
    throw error;
  };
  let reply: MaybePromise<Xdata>;
  try {
    reply = open();
  } catch (error) {
    return failed(error);
  }
  if (reply instanceof Promise) return reply.catch(failed).then((r) => opened(ctx, fd, r));
  return opened(ctx, fd, reply);
}

/** Gives an open fd its number in the client's table, or ends it when the client has gone meanwhile. */
function opened(ctx: FopContext, fd: Fd, xdata: Xdata): OpenedReply {
  ctx.brick.fdOpened(fd);
  const fdNumber = ctx.client.alive ? ctx.client.addFd(fd) : -1;
  if (fdNumber < 0) {
    ctx.brick.releaseFd(fd);
    throw failure(ctx.client.alive ? EMFILE : ENOTCONN);
  }
  return { fdNumber, xdata: xdata.xdata };
}

export const open: FopHandler<'open', OpenedReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => {
      const flags = openFlag(q.flags);
      admitOpen(ctx);
      const fd = new Fd(inode, flags, ctx.client, call.pid);
      return opening(ctx, fd, () => ctx.top.open(call, { inode, fd, flags, xdata: q.xdata }));
    }),
  rsp: openedRsp,
  blank: BLANK_OPENED,
};

export const readv: FopHandler<'readv', ReadReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    const fd = resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata);
    if (fd instanceof Promise) return fd.then((f) => read(ctx, call, f, q));
    return read(ctx, call, fd, q);
  },
  memory: (q) => Math.min(q.size, LARGEST_READ),
  rsp: (r) => ({ op_ret: r.count, op_errno: r.errno, stat: r.stat, size: r.count, xdata: r.xdata }),
  blank: { count: 0, errno: 0, stat: NO_IATT, region: null, xdata: null },
  payload: (r) => r.region,
  payloadLength: (r) => r.count,
  discard: (_s, _call, r) => r.region?.release(),
};

const read = (ctx: FopContext, call: Call, fd: Fd, q: ReadReq) =>
  ctx.top.readv(call, { fd, offset: q.offset, size: q.size, flags: q.flag, xdata: q.xdata });

export const writev: FopHandler<'writev', WriteReply> = {
  wind: (ctx, call, q, region, start, end) => {
    checkOffset(q.offset);
    if (end - start < q.size) throw failure(EINVAL);
    const args = { offset: q.offset, size: q.size, flags: q.flag, region, start, xdata: q.xdata };
    return then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) => ctx.top.writev(call, { fd, ...args }));
  },
  rsp: (r) => ({ op_ret: r.count, op_errno: 0, xdata: r.xdata, prestat: r.pre, poststat: r.post }),
  blank: { count: 0, pre: NO_IATT, post: NO_IATT, xdata: null },
};

export const flush: FopHandler<'flush', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) => ctx.top.flush(call, { fd, xdata: q.xdata })),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const fsync: FopHandler<'fsync', PrePostReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.fsync(call, { fd, datasync: q.data !== 0, xdata: q.xdata }),
    ),
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const truncate: FopHandler<'truncate', PrePostReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    return then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.truncate(call, { inode, offset: q.offset, xdata: q.xdata }),
    );
  },
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const ftruncate: FopHandler<'ftruncate', PrePostReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    return then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      ctx.top.ftruncate(call, { fd, offset: q.offset, xdata: q.xdata }),
    );
  },
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const fallocate: FopHandler<'fallocate', PrePostReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    checkOffset(q.size);
    return then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      ctx.top.fallocate(call, { fd, flags: q.flags, offset: q.offset, length: q.size, xdata: q.xdata }),
    );
  },
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const discard: FopHandler<'discard', PrePostReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    checkOffset(q.size);
    return then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      ctx.top.discard(call, { fd, offset: q.offset, length: q.size, xdata: q.xdata }),
    );
  },
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const zerofill: FopHandler<'zerofill', PrePostReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    checkOffset(q.size);
    return then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      ctx.top.zerofill(call, { fd, offset: q.offset, length: q.size, xdata: q.xdata }),
    );
  },
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const seek: FopHandler<'seek', SeekReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    return then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.seek(call, { fd, offset: q.offset, what: q.what, xdata: q.xdata }),
    );
  },
  rsp: (r) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata, offset: r.offset }),
  blank: { offset: 0, xdata: null },
};

export const rchecksum: FopHandler<'rchecksum', RchecksumReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.offset);
    return then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.rchecksum(call, { fd, offset: q.offset, length: q.len, xdata: q.xdata }),
    );
  },
  rsp: (r) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    flags: r.flags,
    weak_checksum: r.weak,
    strong_checksum: r.strong,
  }),
  blank: { weak: 0, strong: new Uint8Array(0), flags: 0, xdata: null },
};

export const copyFileRange: FopHandler<'copyFileRange', CopyFileRangeReply> = {
  wind: (ctx, call, q) => {
    checkOffset(q.off_in);
    checkOffset(q.off_out);
    return then(resolveFd(ctx, call, q.fd_in, q.gfid1, 0, q.xdata), (fdIn) =>
      then(resolveFd(ctx, call, q.fd_out, q.gfid2, 2, q.xdata), (fdOut) =>
        ctx.top.copyFileRange(call, {
          fdIn,
          offsetIn: q.off_in,
          fdOut,
          offsetOut: q.off_out,
          size: q.size,
          flags: q.flag,
          xdata: q.xdata,
        }),
      ),
    );
  },
  rsp: (r) => ({
    op_ret: r.count,
    op_errno: 0,
    xdata: r.xdata,
    stat: r.stat,
    prestat: r.pre,
    poststat: r.post,
  }),
  blank: { count: 0, stat: NO_IATT, pre: NO_IATT, post: NO_IATT, xdata: null },
};

/** RELEASE and RELEASEDIR: an fd that is not open is no error. */
export const release: FopHandler<'release', Xdata> = {
  wind: (ctx, _call, q) => {
    const fd = ctx.client.removeFd(q.fd);
    if (fd !== null) {
      fd.close();
      if (fd.refs === 0) ctx.brick.releaseFd(fd);
    }
    return EMPTY_XDATA;
  },
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};
