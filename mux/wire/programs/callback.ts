/** The callback program: calls from servers to their clients, never answered. */
import { oldDict } from '../dict.js';
import { iatt3 } from '../iatt.js';
import { bytesOf, gfid, type Infer, struct, text, u32 } from '../schema.js';
import { protoFlock } from './common.js';

export const CALLBACK_PROGRAM = 52743234;
export const CALLBACK_VERSION = 1;

export const CallbackProc = {
  null: 0,
  fetchspec: 1,
  inoFlush: 2,
  eventNotify: 3,
  getSnaps: 4,
  cacheInvalidation: 5,
  childUp: 6,
  childDown: 7,
  recallLease: 8,
  statedump: 9,
  inodelkContention: 10,
  entrylkContention: 11,
} as const;

/** `gfid` is text here (36 chars). The attributes have the form of the 3.x program. */
export const cacheInvalidation = struct('gfs3_cbk_cache_invalidation_req', {
  gfid: text,
  event_type: u32,
  flags: u32,
  expire_time_attr: u32,
  stat: iatt3,
  parent_stat: iatt3,
  oldparent_stat: iatt3,
  xdata: oldDict,
});
export const recallLease = struct('gfs3_recall_lease_req', {
  gfid,
  lease_type: u32,
  tid: bytesOf(16),
  xdata: oldDict,
});
export const inodelkContention = struct('gfs4_inodelk_contention_req', {
  gfid,
  flock: protoFlock,
  pid: u32,
  domain: text,
  xdata: oldDict,
});
export const entrylkContention = struct('gfs4_entrylk_contention_req', {
  gfid,
  type: u32,
  pid: u32,
  name: text,
  domain: text,
  xdata: oldDict,
});
export const statedump = struct('gf_statedump', { pid: u32 });

export type WireCacheInvalidation = Infer<typeof cacheInvalidation>;
export type RecallLease = Infer<typeof recallLease>;
export type InodelkContention = Infer<typeof inodelkContention>;
export type EntrylkContention = Infer<typeof entrylkContention>;
