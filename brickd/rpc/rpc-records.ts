/** Encodes calls and replies of local RPC connections (glusterd, quotad, consumers of journals) as complete records. */

import { beginCallAs, type RpcRejected } from '../../mux/wire/rpc.js';
import type { AcceptStat } from '../../mux/wire/rpc-numbers.js';
import { XdrWriter } from '../../mux/wire/xdr.js';
import { region } from '../../native/memory.js';

/** Region that most messages fit in, bytes. */
const MESSAGE_BYTES = 4096;

/** What `fill` writes, copied out of the writer's memory. */
function record(fill: (w: XdrWriter) => void): Buffer {
  const w = new XdrWriter(region(MESSAGE_BYTES));
  try {
    fill(w);
    return Buffer.from(w.bytes.subarray(0, w.at));
  } finally {
    w.region.release();
  }
}

export interface Procedure {
  program: number;
  version: number;
  procedure: number;
}

/** A call in the name of this process. */
export function callRecord(xid: number, to: Procedure, args: (w: XdrWriter) => void): Buffer {
  return record((w) => {
    beginCallAs(w, xid, to.program, to.version, to.procedure, { pid: process.pid, uid: 0, gid: 0 });
    args(w);
    w.endRecord();
  });
}

export function replyRecord(xid: number, results: (w: XdrWriter) => void): Buffer {
  return record((w) => {
    w.beginReply(xid);
    results(w);
    w.endRecord();
  });
}

/** A reply without results: an accept_stat other than success. */
export function refusalRecord(xid: number, stat: Exclude<(typeof AcceptStat)[keyof typeof AcceptStat], 0>): Buffer {
  return record((w) => w.reply(xid, stat));
}

export function rejectionRecord(rejected: RpcRejected): Buffer {
  return record((w) => rejected.encode(w));
}
