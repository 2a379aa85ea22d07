/** All handlers, by fop name and by procedure number. */

import { FOPS, type FopEntry, type TableName } from '../xlator/fop-table.js';
import type { Xdata } from '../xlator/fops.js';
import * as attr from './attr.js';
import { type AnyFopCodec, codecOf } from './codecs.js';
import * as data from './data.js';
import * as directory from './directory.js';
import * as entry from './entry.js';
import { type AnyFopHandler, commonRsp, EMPTY_XDATA, type FopHandler } from './handler.js';
import * as lock from './lock.js';
import * as xattr from './xattr.js';

const ipc: FopHandler<'ipc', Xdata> = {
  wind: (ctx, call, q) => ctx.top.ipc(call, { op: q.op, xdata: q.xdata }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

/** A fop without a handler, or with another fop's handler, does not compile. */
export const HANDLERS: { readonly [F in TableName]: FopHandler<F> } = {
  stat: attr.stat,
  readlink: attr.readlink,
  mknod: entry.mknod,
  mkdir: entry.mkdir,
  unlink: entry.unlink,
  rmdir: entry.rmdir,
  symlink: entry.symlink,
  rename: entry.rename,
  link: entry.link,
  truncate: data.truncate,
  open: data.open,
  readv: data.readv,
  writev: data.writev,
  statfs: attr.statfs,
  flush: data.flush,
  fsync: data.fsync,
  setxattr: xattr.setxattr,
  getxattr: xattr.getxattr,
  removexattr: xattr.removexattr,
  opendir: directory.opendir,
  fsyncdir: directory.fsyncdir,
  access: attr.access,
  create: entry.create,
  ftruncate: data.ftruncate,
  fstat: attr.fstat,
  lk: lock.lk,
  lookup: entry.lookup,
  readdir: directory.readdir,
  inodelk: lock.inodelk,
  finodelk: lock.finodelk,
  entrylk: lock.entrylk,
  fentrylk: lock.fentrylk,
  xattrop: xattr.xattrop,
  fxattrop: xattr.fxattrop,
  fgetxattr: xattr.fgetxattr,
  fsetxattr: xattr.fsetxattr,
  rchecksum: data.rchecksum,
  setattr: attr.setattr,
  fsetattr: attr.fsetattr,
  readdirp: directory.readdirp,
  release: data.release,
  releasedir: data.release,
  fremovexattr: xattr.fremovexattr,
  fallocate: data.fallocate,
  discard: data.discard,
  zerofill: data.zerofill,
  ipc,
  seek: data.seek,
  lease: lock.lease,
  getactivelk: lock.getactivelk,
  setactivelk: lock.setactivelk,
  icreate: entry.icreate,
  namelink: entry.namelink,
  copyFileRange: data.copyFileRange,
};

/** A fop with its table row, codec and handler. */
export interface ServedFop {
  readonly entry: FopEntry;
  readonly codec: AnyFopCodec;
  readonly handler: AnyFopHandler;
}

const byNumber: (ServedFop | undefined)[] = [];
for (const entry of FOPS) {
  byNumber[entry.number] = { entry, codec: codecOf(entry.name), handler: HANDLERS[entry.name] };
}

/** The fop of a procedure number of the GlusterFS 4.x program; undefined when there is none. */
export function servedFop(number: number): ServedFop | undefined {
  return byNumber[number];
}
