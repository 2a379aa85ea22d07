/**
 * "GlusterFS Handshake": SETVOLUME of clients on a brick, and the volume files that glusterd hands out. Dictionaries have the
 * old encoding (decodeOldDict) and are kept as bytes here: a bad one gets an answer of its own.
 */
import { type Infer, i32, opaque, string, struct, text, u32 } from '../schema.js';

export const HANDSHAKE_PROGRAM = 14398633;
export const HANDSHAKE_VERSION = 2;

export const HandshakeProc = {
  null: 0,
  setvolume: 1,
  getspec: 2,
  ping: 3,
  setLkVer: 4,
  eventNotify: 5,
  getVolumeInfo: 6,
  getSnapshotInfo: 7,
} as const;

/** Volfiles of volumes with thousands of bricks run to megabytes. */
const MAX_SPEC_BYTES = 64 << 20;

const bytes = opaque(16 << 20);

export const setvolumeReq = struct('gf_setvolume_req', { dict: bytes });
export const setvolumeRsp = struct('gf_setvolume_rsp', { op_ret: i32, op_errno: i32, dict: bytes });
export const getspecReq = struct('gf_getspec_req', { flags: u32, key: text, xdata: bytes });
/** op_ret: length of the spec, or -1. */
export const getspecRsp = struct('gf_getspec_rsp', {
  op_ret: i32,
  op_errno: i32,
  spec: string(MAX_SPEC_BYTES),
  xdata: bytes,
});
export const setLkVerReq = struct('gf_set_lk_ver_req', { uid: text, lk_ver: i32 });
export const setLkVerRsp = struct('gf_set_lk_ver_rsp', { op_ret: i32, op_errno: i32, lk_ver: i32 });
export const eventNotifyReq = struct('gf_event_notify_req', { op: i32, dict: bytes });
export const eventNotifyRsp = struct('gf_event_notify_rsp', { op_ret: i32, op_errno: i32, dict: bytes });

export type SetvolumeReq = Infer<typeof setvolumeReq>;
export type SetvolumeRsp = Infer<typeof setvolumeRsp>;
export type GetspecReq = Infer<typeof getspecReq>;
export type GetspecRsp = Infer<typeof getspecRsp>;
export type SetLkVerReq = Infer<typeof setLkVerReq>;
export type SetLkVerRsp = Infer<typeof setLkVerRsp>;
export type EventNotifyReq = Infer<typeof eventNotifyReq>;
