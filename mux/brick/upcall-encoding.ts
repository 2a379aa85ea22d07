/** Encodes callbacks: RPC calls from a brick to its clients that have no reply (program 52743234). */

import {
  CALLBACK_PROGRAM,
  CALLBACK_VERSION,
  CallbackProc,
  cacheInvalidation,
  entrylkContention,
  inodelkContention,
  recallLease,
} from '../wire/programs/callback.js';
import { beginCall } from '../wire/rpc.js';
import type { XdrWriter } from '../wire/xdr.js';
import { gfidOfKey, gfidText } from '../xlator/gfid.js';
import type { Upcall } from '../xlator/translator.js';

/** GF_UPCALL_CACHE_INVALIDATION. */
const EVENT_CACHE_INVALIDATION = 1;

/** A recall names no transaction: holders must return the lease, whoever wants it. */
const NO_TRANSACTION = new Uint8Array(16);

/** Writes a whole record: the call of a callback procedure. xid: its number, which nobody answers. */
export function encodeUpcall(w: XdrWriter, xid: number, message: Upcall): void {
  if (message.kind === 'inodelk-contention') {
    beginCall(w, xid, CALLBACK_PROGRAM, CALLBACK_VERSION, CallbackProc.inodelkContention);
    const f = message.flock;
    inodelkContention.encode(w, {
      gfid: message.inode.key,
      flock: {
        type: f.type,
        whence: f.whence,
        start: BigInt.asUintN(64, f.start),
        len: BigInt.asUintN(64, f.len),
        pid: f.pid,
        lk_owner: f.owner,
      },
      pid: message.pid,
      domain: message.domain,
      xdata: null,
    });
  } else if (message.kind === 'cache-invalidation') {
    beginCall(w, xid, CALLBACK_PROGRAM, CALLBACK_VERSION, CallbackProc.cacheInvalidation);
    cacheInvalidation.encode(w, {
      gfid: gfidText(gfidOfKey(message.key)),
      event_type: EVENT_CACHE_INVALIDATION,
      flags: message.flags,
      expire_time_attr: message.expireSec,
      stat: message.stat,
      parent_stat: message.parent,
      oldparent_stat: message.oldParent,
      xdata: message.xattrs,
    });
  } else if (message.kind === 'lease-recall') {
    beginCall(w, xid, CALLBACK_PROGRAM, CALLBACK_VERSION, CallbackProc.recallLease);
    recallLease.encode(w, {
      gfid: message.inode.key,
      lease_type: message.leaseType,
      tid: NO_TRANSACTION,
      xdata: null,
    });
  } else {
    beginCall(w, xid, CALLBACK_PROGRAM, CALLBACK_VERSION, CallbackProc.entrylkContention);
    entrylkContention.encode(w, {
      gfid: message.inode.key,
      type: message.type,
      pid: message.pid,
      name: message.name,
      domain: message.domain,
      xdata: null,
    });
  }
  w.endRecord(0);
}
