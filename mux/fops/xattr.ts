/** Extended attributes at the border. */

import { guardNamespaceKey, keepNamespace, namespaceSet } from '../brick/namespaces.js';
import type {
  FgetxattrReq,
  FremovexattrReq,
  FsetxattrReq,
  FxattropReq,
  GetxattrReq,
  RemovexattrReq,
  SetxattrReq,
  XattropReq,
} from '../wire/programs/glusterfs4.js';
import { Dict } from '../xlator/dict.js';
import type { DictReply, Xdata } from '../xlator/fops.js';
import { NO_IATT } from '../xlator/iatt.js';
import { type Border, commonRsp, EMPTY_XDATA } from './handler.js';
import { resolveFd, resolveInode, then } from './resolve.js';

const BLANK_DICT: DictReply = { ret: 0, dict: null, xdata: null };
const dictRsp = (r: DictReply) => ({
  op_ret: r.ret,
  op_errno: 0,
  xdata: r.xdata,
  dict: r.dict,
  prestat: NO_IATT,
  poststat: NO_IATT,
});

export const setxattr: Border<SetxattrReq, Xdata> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) => {
      guardNamespaceKey(s, call, q.dict);
      const set = s.top.setxattr(call, { inode, dict: q.dict ?? new Dict(), flags: q.flags, xdata: q.xdata });
      return namespaceSet(s, inode, q.dict, set);
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const fsetxattr: Border<FsetxattrReq, Xdata> = {
  wind: (s, call, q) =>
    then(resolveFd(s, call, q.fd, q.gfid, 2, q.xdata), (fd) => {
      guardNamespaceKey(s, call, q.dict);
      const set = s.top.fsetxattr(call, { fd, dict: q.dict ?? new Dict(), flags: q.flags, xdata: q.xdata });
      return namespaceSet(s, fd.inode, q.dict, set);
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const getxattr: Border<GetxattrReq, DictReply> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) =>
      s.top.getxattr(call, { inode, name: q.namelen === 0 ? '' : q.name, xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};

export const fgetxattr: Border<FgetxattrReq, DictReply> = {
  wind: (s, call, q) =>
    then(resolveFd(s, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      s.top.fgetxattr(call, { fd, name: q.namelen === 0 ? '' : q.name, xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};

export const removexattr: Border<RemovexattrReq, Xdata> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) => {
      keepNamespace(s, inode, q.name, q.xdata);
      return s.top.removexattr(call, { inode, name: q.name, xdata: q.xdata });
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const fremovexattr: Border<FremovexattrReq, Xdata> = {
  wind: (s, call, q) =>
    then(resolveFd(s, call, q.fd, q.gfid, 2, q.xdata), (fd) => {
      keepNamespace(s, fd.inode, q.name, q.xdata);
      return s.top.fremovexattr(call, { fd, name: q.name, xdata: q.xdata });
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const xattrop: Border<XattropReq, DictReply> = {
  wind: (s, call, q) =>
    then(resolveInode(s, call, q.gfid, q.xdata), (inode) =>
      s.top.xattrop(call, { inode, op: q.flags, dict: q.dict ?? new Dict(), xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};

export const fxattrop: Border<FxattropReq, DictReply> = {
  wind: (s, call, q) =>
    then(resolveFd(s, call, q.fd, q.gfid, 2, q.xdata), (fd) =>
      s.top.fxattrop(call, { fd, op: q.flags, dict: q.dict ?? new Dict(), xdata: q.xdata }),
    ),
  rsp: dictRsp,
  blank: BLANK_DICT,
};
