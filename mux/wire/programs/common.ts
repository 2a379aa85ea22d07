/** Structures that several programs share. */
import { byteString, bytesOf, type Infer, i32, opaque, struct, text, u32, u64, u64big } from '../schema.js';

/** Lock owners are at most as long as Gluster's buffer for them. */
const MAX_OWNER_BYTES = 1024;

/** gf_common_rsp: the reply of PING and of other calls without results. */
export const commonRsp3 = struct('gf_common_rsp', { op_ret: i32, op_errno: i32, xdata: opaque(64 << 10) });
export type CommonRsp3 = Infer<typeof commonRsp3>;

/** `start` and `len` are all 64 bits of an off_t. */
export const protoFlock = struct('gf_proto_flock', {
  type: u32,
  whence: u32,
  start: u64big,
  len: u64big,
  pid: i32,
  lk_owner: byteString(MAX_OWNER_BYTES),
});
export type ProtoFlock = Infer<typeof protoFlock>;

export const protoLease = struct('gf_proto_lease', {
  cmd: u32,
  lease_type: u32,
  lease_id: bytesOf(16),
  lease_flags: u32,
});
export type ProtoLease = Infer<typeof protoLease>;

export const lockNode = struct('gfs3_locklist', { flock: protoFlock, client_uid: text, lk_flags: u32 });
export type LockNode = Infer<typeof lockNode>;

export const statfsBody = struct('gf_statfs', {
  bsize: u64,
  frsize: u64,
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  favail: u64,
  fsid: u64,
  flag: u64,
  namemax: u64,
});
