/**
 * Programs that every connection answers itself, independent of its brick: DUMP and PING, and the small handshake
 * calls.
 */
import { ENOSYS } from '../../native/errno.js';
import { DUMP_PROGRAM, DUMP_VERSION, DumpProc, dumpReq, dumpRsp, pingRsp } from '../wire/programs/dump.js';
import {
  getspecReq,
  getspecRsp,
  HANDSHAKE_PROGRAM,
  HANDSHAKE_VERSION,
  HandshakeProc,
  setLkVerReq,
  setLkVerRsp,
} from '../wire/programs/handshake.js';
import { AcceptStat, type CallHeader } from '../wire/rpc.js';
import type { XdrReader, XdrWriter } from '../wire/xdr.js';
import { FOP_PROGRAM, FOP_VERSION } from '../xlator/fop-table.js';
import type { Connection } from './connection.js';
import { tryDecode } from './try-decode.js';

/** What DUMP lists, in stock's order where both serve it. */
const PROGRAMS = [
  { progname: 'GlusterFS 4.x v1', prognum: FOP_PROGRAM, progver: FOP_VERSION },
  { progname: 'GF-DUMP', prognum: DUMP_PROGRAM, progver: DUMP_VERSION },
  { progname: 'GlusterFS Handshake', prognum: HANDSHAKE_PROGRAM, progver: HANDSHAKE_VERSION },
];

type Versions = ReadonlyMap<number, number>;
const VERSIONS: Versions = new Map(PROGRAMS.map((p) => [p.prognum, p.progver]));

/** Answers a call whose header has been read; the reader stands at its arguments. */
export function serveBasicProgram(h: CallHeader, reader: XdrReader, connection: Connection): void {
  const w = connection.writer();
  if (!answer(h, reader, w)) refuse(h, w);
  connection.queued(null, 0);
}

function refuse(h: CallHeader, w: XdrWriter): void {
  const version = VERSIONS.get(h.program);
  if (version === undefined) w.reply(h.xid, AcceptStat.progUnavail);
  else if (version !== h.version) w.reply(h.xid, AcceptStat.progMismatch);
  else w.reply(h.xid, AcceptStat.procUnavail);
}

/** Writes the whole reply; false when there is no such procedure. */
function answer(h: CallHeader, reader: XdrReader, w: XdrWriter): boolean {
  if (h.program === DUMP_PROGRAM && h.version === DUMP_VERSION) return dump(h, reader, w);
  if (h.program === HANDSHAKE_PROGRAM && h.version === HANDSHAKE_VERSION) return handshake(h, reader, w);
  return false;
}

function dump(h: CallHeader, reader: XdrReader, w: XdrWriter): boolean {
  if (h.procedure === DumpProc.ping) {
    w.beginReply(h.xid);
    pingRsp.encode(w, { op_ret: 0, op_errno: 0, xdata: EMPTY });
  } else if (h.procedure === DumpProc.dump) {
    const request = tryDecode(dumpReq, reader);
    if (request === null) return garbage(h, w);
    w.beginReply(h.xid);
    dumpRsp.encode(w, { gfs_id: request.gfs_id, op_ret: 0, op_errno: 0, prog: PROGRAMS });
  } else {
    return false;
  }
  w.endRecord(0);
  return true;
}

const EMPTY = new Uint8Array(0);

function handshake(h: CallHeader, reader: XdrReader, w: XdrWriter): boolean {
  if (h.procedure === HandshakeProc.ping) {
    w.beginReply(h.xid);
    pingRsp.encode(w, { op_ret: 0, op_errno: 0, xdata: EMPTY });
  } else if (h.procedure === HandshakeProc.setLkVer) {
    const request = tryDecode(setLkVerReq, reader);
    if (request === null) return garbage(h, w);
    w.beginReply(h.xid);
    setLkVerRsp.encode(w, { op_ret: 0, op_errno: 0, lk_ver: request.lk_ver });
  } else if (h.procedure === HandshakeProc.getspec) {
    if (tryDecode(getspecReq, reader) === null) return garbage(h, w);
    w.beginReply(h.xid);
    const spec = '<this method is not in use, use glusterd for getspec>';
    getspecRsp.encode(w, { op_ret: -1, op_errno: ENOSYS, spec, xdata: EMPTY });
  } else {
    return false;
  }
  w.endRecord(0);
  return true;
}

function garbage(h: CallHeader, w: XdrWriter): boolean {
  w.reply(h.xid, AcceptStat.garbageArgs);
  return true;
}
