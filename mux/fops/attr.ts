/** Attribute fops at the border: stat, setattr, access, readlink, statfs. */

import type {
  AccessReq,
  FsetattrReq,
  FstatReq,
  ReadlinkReq,
  SetattrReq,
  StatfsReq,
  StatReq,
} from '../wire/programs/glusterfs4.js';
import type { AccessReply, PrePostReply, ReadlinkReply, StatfsReply, StatReply } from '../xlator/fops.js';
import { NO_IATT } from '../xlator/iatt.js';
import { BLANK_PREPOST, BLANK_STAT, type Border, prePostRsp } from './handler.js';
import { resolveFd, resolveInode, then } from './resolve.js';

export const stat: Border<StatReq, StatReply> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) => s.top.stat(call, { inode, xdata: q.xdata })),
  rsp: (r, s) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata, stat: s.client.showRoot(r.stat) }),
  blank: BLANK_STAT,
};

export const fstat: Border<FstatReq, StatReply> = {
  wind: (s, call, q) =>
    then(resolveFd(s, call, q.fd, q.gfid, 0, q.xdata), (fd) => s.top.fstat(call, { fd, xdata: q.xdata })),
  rsp: (r, s) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata, stat: s.client.showRoot(r.stat) }),
  blank: BLANK_STAT,
};

export const setattr: Border<SetattrReq, PrePostReply> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) =>
      s.top.setattr(call, { inode, stat: q.stbuf, valid: q.valid, xdata: q.xdata }),
    ),
  rsp: (r, s) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    prestat: s.client.showRoot(r.pre),
    poststat: s.client.showRoot(r.post),
  }),
  blank: BLANK_PREPOST,
};

export const fsetattr: Border<FsetattrReq, PrePostReply> = {
  wind: (s, call, q) =>
    then(resolveFd(s, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      s.top.fsetattr(call, { fd, stat: q.stbuf, valid: q.valid, xdata: q.xdata }),
    ),
  rsp: prePostRsp,
  blank: BLANK_PREPOST,
};

export const access: Border<AccessReq, AccessReply> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) =>
      s.top.access(call, { inode, mask: q.mask, xdata: q.xdata }),
    ),
  rsp: (r) => ({ op_ret: 0, op_errno: r.errno, xdata: r.xdata }),
  blank: { errno: 0, xdata: null },
};

export const readlink: Border<ReadlinkReq, ReadlinkReply> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) =>
      s.top.readlink(call, { inode, size: q.size, xdata: q.xdata }),
    ),
  rsp: (r) => ({ op_ret: r.target.length, op_errno: 0, xdata: r.xdata, buf: r.stat, path: r.target }),
  blank: { target: '', stat: NO_IATT, xdata: null },
};

export const statfs: Border<StatfsReq, StatfsReply> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) => s.top.statfs(call, { inode, xdata: q.xdata })),
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
