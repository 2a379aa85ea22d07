/** The codec of each fop's request and response. A fop without one does not compile. */

import * as x from '../wire/programs/glusterfs4.js';
import type { Infer, Struct } from '../wire/schema.js';
import type { TableName } from '../xlator/fop-table.js';

export interface FopCodec<Req, Rsp> {
  readonly request: Struct<Req>;
  readonly response: Struct<Rsp>;
}

// biome-ignore lint/suspicious/noExplicitAny: whoever looks a codec up by a number or a name of any fop has values of any type
export type AnyFopCodec = FopCodec<any, any>;

function codec<Req, Rsp>(request: Struct<Req>, response: Struct<Rsp>): FopCodec<Req, Rsp> {
  return { request, response };
}

const CODECS = {
  stat: codec(x.statReq, x.iattRsp),
  readlink: codec(x.readlinkReq, x.readlinkRsp),
  mknod: codec(x.mknodReq, x.entryRsp),
  mkdir: codec(x.mkdirReq, x.entryRsp),
  unlink: codec(x.unlinkReq, x.prePostRsp),
  rmdir: codec(x.rmdirReq, x.prePostRsp),
  symlink: codec(x.symlinkReq, x.entryRsp),
  rename: codec(x.renameReq, x.renameRsp),
  link: codec(x.linkReq, x.entryRsp),
  truncate: codec(x.truncateReq, x.prePostRsp),
  open: codec(x.openReq, x.openRsp),
  readv: codec(x.readReq, x.readRsp),
  writev: codec(x.writeReq, x.prePostRsp),
  statfs: codec(x.statfsReq, x.statfsRsp),
  flush: codec(x.flushReq, x.commonRsp),
  fsync: codec(x.fsyncReq, x.prePostRsp),
  setxattr: codec(x.setxattrReq, x.commonRsp),
  getxattr: codec(x.getxattrReq, x.dictRsp),
  removexattr: codec(x.removexattrReq, x.commonRsp),
  opendir: codec(x.opendirReq, x.openRsp),
  fsyncdir: codec(x.fsyncdirReq, x.commonRsp),
  access: codec(x.accessReq, x.commonRsp),
  create: codec(x.createReq, x.createRsp),
  ftruncate: codec(x.ftruncateReq, x.prePostRsp),
  fstat: codec(x.fstatReq, x.iattRsp),
  lk: codec(x.lkReq, x.lkRsp),
  lookup: codec(x.lookupReq, x.prePostRsp),
  readdir: codec(x.readdirReq, x.readdirRsp),
  inodelk: codec(x.inodelkReq, x.commonRsp),
  finodelk: codec(x.finodelkReq, x.commonRsp),
  entrylk: codec(x.entrylkReq, x.commonRsp),
  fentrylk: codec(x.fentrylkReq, x.commonRsp),
  xattrop: codec(x.xattropReq, x.dictRsp),
  fxattrop: codec(x.fxattropReq, x.dictRsp),
  fgetxattr: codec(x.fgetxattrReq, x.dictRsp),
  fsetxattr: codec(x.fsetxattrReq, x.commonRsp),
  rchecksum: codec(x.rchecksumReq, x.rchecksumRsp),
  setattr: codec(x.setattrReq, x.prePostRsp),
  fsetattr: codec(x.fsetattrReq, x.prePostRsp),
  readdirp: codec(x.readdirpReq, x.readdirpRsp),
  release: codec(x.releaseReq, x.commonRsp),
  releasedir: codec(x.releaseReq, x.commonRsp),
  fremovexattr: codec(x.fremovexattrReq, x.commonRsp),
  fallocate: codec(x.fallocateReq, x.prePostRsp),
  discard: codec(x.discardReq, x.prePostRsp),
  zerofill: codec(x.zerofillReq, x.prePostRsp),
  ipc: codec(x.ipcReq, x.commonRsp),
  seek: codec(x.seekReq, x.seekRsp),
  lease: codec(x.leaseReq, x.leaseRsp),
  getactivelk: codec(x.getactivelkReq, x.getactivelkRsp),
  setactivelk: codec(x.setactivelkReq, x.commonRsp),
  icreate: codec(x.icreateReq, x.iattRsp),
  namelink: codec(x.namelinkReq, x.prePostRsp),
  copyFileRange: codec(x.copyFileRangeReq, x.copyFileRangeRsp),
} satisfies Record<TableName, AnyFopCodec>;

type Codecs = typeof CODECS;

/** Arguments of a fop as they come from the wire. */
export type FopRequest<F extends TableName> = Infer<Codecs[F]['request']>;
/** Reply of a fop as it goes onto the wire. */
export type FopResponse<F extends TableName> = Infer<Codecs[F]['response']>;

export function codecOf(name: TableName): AnyFopCodec {
  return CODECS[name];
}
