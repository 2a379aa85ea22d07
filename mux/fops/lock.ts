/** Handlers of lock fops: lk, inodelk, entrylk, lease and their variants. */

import type { ActiveLock, Flock, GetactivelkReply, LeaseReply, LkReply, Xdata } from '../xlator/fops.js';
import { then } from '../xlator/maybe-promise.js';
import { commonRsp, EMPTY_XDATA, type FopHandler } from './handler.js';
import { resolveFd, resolveInode } from './resolve.js';

interface WireFlock {
  type: number;
  whence: number;
  start: bigint;
  len: bigint;
  pid: number;
  lk_owner: string;
}

/** Lock ranges are signed on this side: what the wire has as u64 beyond LLONG_MAX is negative. */
const flockOf = (w: WireFlock, type: number): Flock => ({
  type,
  whence: w.whence,
  start: BigInt.asIntN(64, w.start),
  len: BigInt.asIntN(64, w.len),
  pid: w.pid,
  owner: w.lk_owner,
});

const wireFlock = (f: Flock): WireFlock => ({
  type: f.type,
  whence: f.whence,
  start: BigInt.asUintN(64, f.start),
  len: BigInt.asUintN(64, f.len),
  pid: f.pid,
  lk_owner: f.owner,
});

const NO_FLOCK: Flock = { type: 0, whence: 0, start: 0n, len: 0n, pid: 0, owner: '' };

export const lk: FopHandler<'lk', LkReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.lk(call, { fd, cmd: q.cmd, flock: flockOf(q.flock, q.type), xdata: q.xdata }),
    ),
  rsp: (r) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata, flock: wireFlock(r.flock) }),
  blank: { flock: NO_FLOCK, xdata: null },
};

export const inodelk: FopHandler<'inodelk', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.inodelk(call, { inode, domain: q.volume, cmd: q.cmd, flock: flockOf(q.flock, q.type), xdata: q.xdata }),
    ),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const finodelk: FopHandler<'finodelk', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.finodelk(call, { fd, domain: q.volume, cmd: q.cmd, flock: flockOf(q.flock, q.type), xdata: q.xdata }),
    ),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const entrylk: FopHandler<'entrylk', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.entrylk(call, {
        inode,
        domain: q.volume,
        name: q.namelen === 0 ? '' : q.name,
        cmd: q.cmd,
        type: q.type,
        xdata: q.xdata,
      }),
    ),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

export const fentrylk: FopHandler<'fentrylk', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.fentrylk(call, {
        fd,
        domain: q.volume,
        name: q.namelen === 0 ? '' : q.name,
        cmd: q.cmd,
        type: q.type,
        xdata: q.xdata,
      }),
    ),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

const NO_ID = new Uint8Array(16);

export const lease: FopHandler<'lease', LeaseReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) =>
      ctx.top.lease(call, {
        inode,
        cmd: q.lease.cmd,
        leaseType: q.lease.lease_type,
        leaseId: q.lease.lease_id,
        leaseFlags: q.lease.lease_flags,
        xdata: q.xdata,
      }),
    ),
  rsp: (r) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    lease: { cmd: r.cmd, lease_type: r.leaseType, lease_id: r.leaseId, lease_flags: r.leaseFlags },
  }),
  blank: { cmd: 0, leaseType: 0, leaseId: NO_ID, leaseFlags: 0, xdata: null },
};

export const getactivelk: FopHandler<'getactivelk', GetactivelkReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => ctx.top.getactivelk(call, { inode, xdata: q.xdata })),
  rsp: (r) => ({
    op_ret: r.locks.length,
    op_errno: 0,
    xdata: r.xdata,
    reply: r.locks.map((l) => ({ flock: wireFlock(l.flock), client_uid: l.clientUid, lk_flags: l.flags })),
  }),
  blank: { locks: [], xdata: null },
};

export const setactivelk: FopHandler<'setactivelk', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => {
      const locks: ActiveLock[] = q.request.map((l) => ({
        flock: flockOf(l.flock, l.flock.type),
        clientUid: l.client_uid,
        flags: l.lk_flags,
      }));
      return ctx.top.setactivelk(call, { inode, locks, xdata: q.xdata });
    }),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};
