/** "GF-DUMP" on local sockets: lists programs and answers pings. */
import {
  DUMP_NAME,
  DUMP_PROGRAM,
  DUMP_VERSION,
  DumpProc,
  dumpReq,
  dumpRsp,
  pingRsp,
} from '../../mux/wire/programs/dump.js';
import { AcceptStat, type CallHeader } from '../../mux/wire/rpc.js';
import type { XdrReader } from '../../mux/wire/xdr.js';
import { refusalRecord, replyRecord } from './rpc-records.js';

export { DUMP_PROGRAM };

export interface ServedProgram {
  progname: string;
  prognum: number;
  progver: number;
}

export const DUMP: ServedProgram = { progname: DUMP_NAME, prognum: DUMP_PROGRAM, progver: DUMP_VERSION };

const NO_BYTES = new Uint8Array(0);

/** The reply to a call of another version or to a procedure that does not exist. */
export function refusalOf(call: CallHeader, version: number, procedures: number): Buffer | undefined {
  if (call.version !== version) return refusalRecord(call.xid, AcceptStat.progMismatch);
  return call.procedure < procedures ? undefined : refusalRecord(call.xid, AcceptStat.procUnavail);
}

/** The reply record to a call of the dump program. Throws an XdrError. */
export function answerDump(call: CallHeader, args: XdrReader, programs: readonly ServedProgram[]): Buffer {
  const { xid, procedure } = call;
  const refusal = refusalOf(call, DUMP_VERSION, DumpProc.ping + 1);
  if (refusal !== undefined) return refusal;
  if (procedure === DumpProc.ping) {
    return replyRecord(xid, (w) => pingRsp.encode(w, { op_ret: 0, op_errno: 0, xdata: NO_BYTES }));
  }
  if (procedure !== DumpProc.dump) return refusalRecord(xid, AcceptStat.procUnavail);
  const { gfs_id } = dumpReq.decode(args);
  return replyRecord(xid, (w) => dumpRsp.encode(w, { gfs_id, op_ret: 0, op_errno: 0, prog: [...programs] }));
}
