/** Requests and responses of the fop program, "GlusterFS 4.x v1" (1298437, version 400). Field names are the protocol's. */
import { dict } from '../dict.js';
import { iattx } from '../iatt.js';
import { gfid, type Infer, i32, i64, list, opaque, struct, text, u32, u64, u64big } from '../schema.js';
import { lockNode, protoFlock, protoLease, statfsBody } from './common.js';

const xdata = dict;
const RET = { op_ret: i32, op_errno: i32 } as const;
const HEAD = { ...RET, xdata } as const;

// --- responses that several fops share ----------------------------------------------------------------------------------

export const commonRsp = struct('gfx_common_rsp', HEAD);
export const iattRsp = struct('gfx_common_iatt_rsp', { ...HEAD, stat: iattx });
export const prePostRsp = struct('gfx_common_2iatt_rsp', { ...HEAD, prestat: iattx, poststat: iattx });
export const entryRsp = struct('gfx_common_3iatt_rsp', { ...HEAD, stat: iattx, preparent: iattx, postparent: iattx });
export const dictRsp = struct('gfx_common_dict_rsp', { ...HEAD, dict, prestat: iattx, poststat: iattx });
export const openRsp = struct('gfx_open_rsp', { ...HEAD, fd: i64 });

// --- entries ------------------------------------------------------------------------------------------------------------

export const lookupReq = struct('gfx_lookup_req', { gfid, pargfid: gfid, flags: u32, bname: text, xdata });
export const mknodReq = struct('gfx_mknod_req', { pargfid: gfid, dev: u64, mode: u32, umask: u32, bname: text, xdata });
export const mkdirReq = struct('gfx_mkdir_req', { pargfid: gfid, mode: u32, umask: u32, bname: text, xdata });
export const unlinkReq = struct('gfx_unlink_req', { pargfid: gfid, bname: text, xflags: u32, xdata });
export const rmdirReq = struct('gfx_rmdir_req', { pargfid: gfid, xflags: i32, bname: text, xdata });
export const symlinkReq = struct('gfx_symlink_req', { pargfid: gfid, bname: text, umask: u32, linkname: text, xdata });
export const renameReq = struct('gfx_rename_req', {
  oldgfid: gfid,
  newgfid: gfid,
  oldbname: text,
  newbname: text,
  xdata,
});
export const linkReq = struct('gfx_link_req', { oldgfid: gfid, newgfid: gfid, newbname: text, xdata });
export const createReq = struct('gfx_create_req', {
  pargfid: gfid,
  flags: u32,
  mode: u32,
  umask: u32,
  bname: text,
  xdata,
});
export const icreateReq = struct('gfx_icreate_req', { gfid, mode: u32, xdata });
export const namelinkReq = struct('gfx_namelink_req', { pargfid: gfid, bname: text, xdata });
export const renameRsp = struct('gfx_rename_rsp', {
  ...HEAD,
  stat: iattx,
  preoldparent: iattx,
  postoldparent: iattx,
  prenewparent: iattx,
  postnewparent: iattx,
});
export const createRsp = struct('gfx_create_rsp', {
  ...HEAD,
  stat: iattx,
  fd: i64,
  preparent: iattx,
  postparent: iattx,
});

// --- attributes ---------------------------------------------------------------------------------------------------------

export const statReq = struct('gfx_stat_req', { gfid, xdata });
export const fstatReq = struct('gfx_fstat_req', { gfid, fd: i64, xdata });
export const setattrReq = struct('gfx_setattr_req', { gfid, stbuf: iattx, valid: i32, xdata });
export const fsetattrReq = struct('gfx_fsetattr_req', { gfid, fd: i64, stbuf: iattx, valid: i32, xdata });
export const accessReq = struct('gfx_access_req', { gfid, mask: u32, xdata });
export const readlinkReq = struct('gfx_readlink_req', { gfid, size: u32, xdata });
export const readlinkRsp = struct('gfx_readlink_rsp', { ...HEAD, buf: iattx, path: text });
export const statfsReq = struct('gfx_statfs_req', { gfid, xdata });
export const statfsRsp = struct('gfx_statfs_rsp', { ...HEAD, statfs: statfsBody });

// --- data ---------------------------------------------------------------------------------------------------------------

export const openReq = struct('gfx_open_req', { gfid, flags: u32, xdata });
export const readReq = struct('gfx_read_req', { gfid, fd: i64, offset: u64, size: u32, flag: u32, xdata });
/** The bytes read follow the structure. */
export const readRsp = struct('gfx_read_rsp', { ...RET, stat: iattx, size: u32, xdata });
/** The bytes to write follow the structure. */
export const writeReq = struct('gfx_write_req', { gfid, fd: i64, offset: u64, size: u32, flag: u32, xdata });
export const flushReq = struct('gfx_flush_req', { gfid, fd: i64, xdata });
export const fsyncReq = struct('gfx_fsync_req', { gfid, fd: i64, data: u32, xdata });
export const truncateReq = struct('gfx_truncate_req', { gfid, offset: u64, xdata });
export const ftruncateReq = struct('gfx_ftruncate_req', { gfid, fd: i64, offset: u64, xdata });
export const fallocateReq = struct('gfx_fallocate_req', { gfid, fd: i64, flags: u32, offset: u64, size: u64, xdata });
export const discardReq = struct('gfx_discard_req', { gfid, fd: i64, offset: u64, size: u64, xdata });
export const zerofillReq = struct('gfx_zerofill_req', { gfid, fd: i64, offset: u64, size: u64, xdata });
export const seekReq = struct('gfx_seek_req', { gfid, fd: i64, offset: u64, what: i32, xdata });
export const seekRsp = struct('gfx_seek_rsp', { ...HEAD, offset: u64 });
export const rchecksumReq = struct('gfx_rchecksum_req', { gfid, fd: i64, offset: u64, len: u32, flags: u32, xdata });
export const rchecksumRsp = struct('gfx_rchecksum_rsp', {
  ...HEAD,
  flags: u32,
  weak_checksum: u32,
  strong_checksum: opaque(1024),
});
export const copyFileRangeReq = struct('gfx_copy_file_range_req', {
  gfid1: gfid,
  gfid2: gfid,
  fd_in: i64,
  fd_out: i64,
  off_in: u64,
  off_out: u64,
  size: u32,
  flag: u32,
  xdata,
});
/** gfx_common_3iatt_rsp, with the source's attributes first. */
export const copyFileRangeRsp = struct('gfx_copy_file_range_rsp', {
  ...HEAD,
  stat: iattx,
  prestat: iattx,
  poststat: iattx,
});
export const releaseReq = struct('gfx_release_req', { gfid, fd: i64, xdata });
/** The bytes of the new file follow the structure. */
export const putReq = struct('gfx_put_req', {
  pargfid: gfid,
  bname: text,
  mode: u32,
  umask: u32,
  flag: u32,
  offset: u64,
  size: u32,
  xattr: dict,
  xdata,
});

// --- directories --------------------------------------------------------------------------------------------------------

const dirNode = struct('gfx_dirlist', { d_ino: u64big, d_off: u64big, d_len: u32, d_type: u32, name: text });
const dirpNode = struct('gfx_dirplist', {
  d_ino: u64big,
  d_off: u64big,
  d_len: u32,
  d_type: u32,
  name: text,
  stat: iattx,
  dict,
});

export const opendirReq = struct('gfx_opendir_req', { gfid, xdata });
export const fsyncdirReq = struct('gfx_fsyncdir_req', { gfid, fd: i64, data: i32, xdata });
export const readdirReq = struct('gfx_readdir_req', { gfid, fd: i64, offset: u64big, size: u32, xdata });
export const readdirRsp = struct('gfx_readdir_rsp', { ...HEAD, reply: list(dirNode) });
export const readdirpReq = struct('gfx_readdirp_req', { gfid, fd: i64, offset: u64big, size: u32, xdata });
export const readdirpRsp = struct('gfx_readdirp_rsp', { ...HEAD, reply: list(dirpNode) });

// --- extended attributes ------------------------------------------------------------------------------------------------

export const setxattrReq = struct('gfx_setxattr_req', { gfid, flags: u32, dict, xdata });
export const fsetxattrReq = struct('gfx_fsetxattr_req', { gfid, fd: i64, flags: u32, dict, xdata });
export const getxattrReq = struct('gfx_getxattr_req', { gfid, namelen: u32, name: text, xdata });
export const fgetxattrReq = struct('gfx_fgetxattr_req', { gfid, fd: i64, namelen: u32, name: text, xdata });
export const removexattrReq = struct('gfx_removexattr_req', { gfid, name: text, xdata });
export const fremovexattrReq = struct('gfx_fremovexattr_req', { gfid, fd: i64, name: text, xdata });
export const xattropReq = struct('gfx_xattrop_req', { gfid, flags: u32, dict, xdata });
export const fxattropReq = struct('gfx_fxattrop_req', { gfid, fd: i64, flags: u32, dict, xdata });

// --- locks and leases ---------------------------------------------------------------------------------------------------

export const lkReq = struct('gfx_lk_req', { gfid, fd: i64, cmd: u32, type: u32, flock: protoFlock, xdata });
export const lkRsp = struct('gfx_lk_rsp', { ...HEAD, flock: protoFlock });
export const inodelkReq = struct('gfx_inodelk_req', {
  gfid,
  cmd: u32,
  type: u32,
  flock: protoFlock,
  volume: text,
  xdata,
});
export const finodelkReq = struct('gfx_finodelk_req', {
  gfid,
  fd: i64,
  cmd: u32,
  type: u32,
  flock: protoFlock,
  volume: text,
  xdata,
});
export const entrylkReq = struct('gfx_entrylk_req', {
  gfid,
  cmd: u32,
  type: u32,
  namelen: u64,
  name: text,
  volume: text,
  xdata,
});
export const fentrylkReq = struct('gfx_fentrylk_req', {
  gfid,
  fd: i64,
  cmd: u32,
  type: u32,
  namelen: u64,
  name: text,
  volume: text,
  xdata,
});
export const leaseReq = struct('gfx_lease_req', { gfid, lease: protoLease, xdata });
export const leaseRsp = struct('gfx_lease_rsp', { ...HEAD, lease: protoLease });
export const getactivelkReq = struct('gfx_getactivelk_req', { gfid, xdata });
export const getactivelkRsp = struct('gfx_getactivelk_rsp', { ...HEAD, reply: list(lockNode) });
export const setactivelkReq = struct('gfx_setactivelk_req', { gfid, request: list(lockNode), xdata });

// --- others -------------------------------------------------------------------------------------------------------------

export const ipcReq = struct('gfx_ipc_req', { op: i32, xdata });

export type LookupReq = Infer<typeof lookupReq>;
export type MknodReq = Infer<typeof mknodReq>;
export type MkdirReq = Infer<typeof mkdirReq>;
export type UnlinkReq = Infer<typeof unlinkReq>;
export type RmdirReq = Infer<typeof rmdirReq>;
export type SymlinkReq = Infer<typeof symlinkReq>;
export type RenameReq = Infer<typeof renameReq>;
export type LinkReq = Infer<typeof linkReq>;
export type CreateReq = Infer<typeof createReq>;
export type IcreateReq = Infer<typeof icreateReq>;
export type NamelinkReq = Infer<typeof namelinkReq>;
export type StatReq = Infer<typeof statReq>;
export type FstatReq = Infer<typeof fstatReq>;
export type SetattrReq = Infer<typeof setattrReq>;
export type FsetattrReq = Infer<typeof fsetattrReq>;
export type AccessReq = Infer<typeof accessReq>;
export type ReadlinkReq = Infer<typeof readlinkReq>;
export type StatfsReq = Infer<typeof statfsReq>;
export type OpenReq = Infer<typeof openReq>;
export type ReadReq = Infer<typeof readReq>;
export type WriteReq = Infer<typeof writeReq>;
export type FlushReq = Infer<typeof flushReq>;
export type FsyncReq = Infer<typeof fsyncReq>;
export type TruncateReq = Infer<typeof truncateReq>;
export type FtruncateReq = Infer<typeof ftruncateReq>;
export type FallocateReq = Infer<typeof fallocateReq>;
export type DiscardReq = Infer<typeof discardReq>;
export type ZerofillReq = Infer<typeof zerofillReq>;
export type SeekReq = Infer<typeof seekReq>;
export type RchecksumReq = Infer<typeof rchecksumReq>;
export type CopyFileRangeReq = Infer<typeof copyFileRangeReq>;
export type ReleaseReq = Infer<typeof releaseReq>;
export type PutReq = Infer<typeof putReq>;
export type OpendirReq = Infer<typeof opendirReq>;
export type FsyncdirReq = Infer<typeof fsyncdirReq>;
export type ReaddirReq = Infer<typeof readdirReq>;
export type ReaddirpReq = Infer<typeof readdirpReq>;
export type SetxattrReq = Infer<typeof setxattrReq>;
export type FsetxattrReq = Infer<typeof fsetxattrReq>;
export type GetxattrReq = Infer<typeof getxattrReq>;
export type FgetxattrReq = Infer<typeof fgetxattrReq>;
export type RemovexattrReq = Infer<typeof removexattrReq>;
export type FremovexattrReq = Infer<typeof fremovexattrReq>;
export type XattropReq = Infer<typeof xattropReq>;
export type FxattropReq = Infer<typeof fxattropReq>;
export type LkReq = Infer<typeof lkReq>;
export type InodelkReq = Infer<typeof inodelkReq>;
export type FinodelkReq = Infer<typeof finodelkReq>;
export type EntrylkReq = Infer<typeof entrylkReq>;
export type FentrylkReq = Infer<typeof fentrylkReq>;
export type LeaseReq = Infer<typeof leaseReq>;
export type GetactivelkReq = Infer<typeof getactivelkReq>;
export type SetactivelkReq = Infer<typeof setactivelkReq>;
export type IpcReq = Infer<typeof ipcReq>;
