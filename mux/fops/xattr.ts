/** Handlers of xattr fops. */

import { Dict } from '../xlator/dict.js';
import type { DictReply, Xdata } from '../xlator/fops.js';
import { NO_IATT } from '../xlator/iatt.js';
import { then } from '../xlator/maybe-promise.js';
import { commonRsp, EMPTY_XDATA, type FopHandler } from './handler.js';
import { guardNamespaceKey, keepNamespace, namespaceSet } from './namespaces.js';
import { resolveFd, resolveInode } from './resolve.js';

const BLANK_DICT: DictReply = { ret: 0, dict: null, xdata: null };
const dictRsp = (r: DictReply) => ({
  op_ret: r.ret,
  op_errno: 0,
  xdata: r.xdata,
  dict: r.dict,
  prestat: NO_IATT,
  poststat: NO_IATT,
});

export const setxattr: FopHandler<'setxattr', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => {
      guardNamespaceKey(ctx, call, q.dict);
      const set = ctx.top.setxattr(call, { inode, dict: q.dict ?? new Dict(), flags: q.flags, xdata: q.xdata });
      return namespaceSet(ctx, inode, q.dict, set);
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const fsetxattr: FopHandler<'fsetxattr', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) => {
      guardNamespaceKey(ctx, call, q.dict);
      const set = ctx.top.fsetxattr(call, { fd, dict: q.dict ?? new Dict(), flags: q.flags, xdata: q.xdata });
      return namespaceSet(ctx, fd.inode, q.dict, set);
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const getxattr: FopHandler<'getxattr', DictReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.getxattr(call, { inode, name: q.namelen === 0 ? '' : q.name, xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};

export const fgetxattr: FopHandler<'fgetxattr', DictReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.fgetxattr(call, { fd, name: q.namelen === 0 ? '' : q.name, xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};

export const removexattr: FopHandler<'removexattr', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => {
      keepNamespace(ctx, inode, q.name, q.xdata);
      return ctx.top.removexattr(call, { inode, name: q.name, xdata: q.xdata });
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const fremovexattr: FopHandler<'fremovexattr', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) => {
      keepNamespace(ctx, fd.inode, q.name, q.xdata);
      return ctx.top.fremovexattr(call, { fd, name: q.name, xdata: q.xdata });
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const xattrop: FopHandler<'xattrop', DictReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.xattrop(call, { inode, op: q.flags, dict: q.dict ?? new Dict(), xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};

export const fxattrop: FopHandler<'fxattrop', DictReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      ctx.top.fxattrop(call, { fd, op: q.flags, dict: q.dict ?? new Dict(), xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};
