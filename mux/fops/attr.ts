/** Handlers of attribute fops: stat, setattr, access, readlink, statfs. */

import type { AccessReply, PrePostReply, ReadlinkReply, StatfsReply, StatReply } from '../xlator/fops.js';
import { NO_IATT } from '../xlator/iatt.js';
import { then } from '../xlator/maybe-promise.js';
import { BLANK_PREPOST, BLANK_STAT, type FopHandler, prePostRsp } from './handler.js';
import { resolveFd, resolveInode } from './resolve.js';

export const stat: FopHandler<'stat', StatReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => ctx.top.stat(call, { inode, xdata: q.xdata })),
  rsp: (r, ctx) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata, stat: ctx.client.showRoot(r.stat) }),
  blank: BLANK_STAT,
};

export const fstat: FopHandler<'fstat', StatReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) => ctx.top.fstat(call, { fd, xdata: q.xdata })),
  rsp: (r, ctx) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata, stat: ctx.client.showRoot(r.stat) }),
  blank: BLANK_STAT,
};

export const setattr: FopHandler<'setattr', PrePostReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.setattr(call, { inode, stat: q.stbuf, valid: q.valid, xdata: q.xdata }),
    ),
  rsp: (r, ctx) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    prestat: ctx.client.showRoot(r.pre),
    poststat: ctx.client.showRoot(r.post),
  }),
  blank: BLANK_PREPOST,
};

export const fsetattr: FopHandler<'fsetattr', PrePostReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      ctx.top.fsetattr(call, { fd, stat: q.stbuf, valid: q.valid, xdata: q.xdata }),
    ),
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const access: FopHandler<'access', AccessReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.access(call, { inode, mask: q.mask, xdata: q.xdata }),
    ),
  rsp: (r) => ({ op_ret: 0, op_errno: r.errno, xdata: r.xdata }),
  blank: { errno: 0, xdata: null },
};

export const readlink: FopHandler<'readlink', ReadlinkReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.readlink(call, { inode, size: q.size, xdata: q.xdata }),
    ),
  rsp: (r) => ({ op_ret: r.target.length, op_errno: 0, xdata: r.xdata, buf: r.stat, path: r.target }),
  blank: { target: '', stat: NO_IATT, xdata: null },
};

export const statfs: FopHandler<'statfs', StatfsReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => ctx.top.statfs(call, { inode, xdata: q.xdata })),
  rsp: (r) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    statfs: {
      bsize: r.bsize,
      frsize: r.frsize,
      blocks: r.blocks,
      bfree: r.bfree,
      bavail: r.bavail,
      files: r.files,
      ffree: r.ffree,
      favail: r.favail,
      fsid: r.fsid,
      flag: r.flag,
      namemax: r.namemax,
    },
  }),
  blank: {
    bsize: 0,
    frsize: 0,
    blocks: 0,
    bfree: 0,
    bavail: 0,
    files: 0,
    ffree: 0,
    favail: 0,
    fsid: 0,
    flag: 0,
    namemax: 0,
    xdata: null,
  },
};
