/** Headers of ONC RPC: calls of clients with their credentials, calls that brickd makes itself, and replies to those. */
import { nanosecondsInRange } from '../xlator/time-range.js';
import {
  AUTH_REJECTED,
  AuthFlavor,
  MAX_AUTH_BYTES,
  MsgType,
  RejectStat,
  ReplyStat,
  RPC_VERSION,
} from './rpc-numbers.js';
import { byteAt, TRUNCATED, XdrError, type XdrReader, type XdrWriter } from './xdr.js';

export { AcceptStat, AuthFlavor } from './rpc-numbers.js';

const NOT_A_CALL = new XdrError('the record is no RPC call');
const NOT_A_REPLY = new XdrError('the record is no RPC reply');
const BAD_AUTH_LENGTH = new XdrError('a credential of more than 400 bytes');

const NO_GROUPS: readonly number[] = Object.freeze([]);

/**
 * The largest sum of groups and lock owner bytes that fits into a credential: v2 has 5 words besides them, v3 has 9. The
 * server counts the lock owner in bytes where words would do, as stock does.
 */
const MAX_GROUPS_V2 = 95;
const MAX_GROUPS_V3 = 91;
const MAX_GROUPS_UNIX = 16;

/** Header of a call, reused from record to record. After {@link parseCall} the reader stands at the arguments. */
export class CallHeader {
  xid = 0;
  program = 0;
  version = 0;
  procedure = 0;
  /** AuthFlavor of the credential. */
  flavor = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  /** Not to be changed: the same array serves further calls with the same groups. */
  groups: readonly number[] = NO_GROUPS;
  /** Byte string. */
  lkOwner = '';
  /** Time bits of a v3 credential; 0 without. */
  timeFlags = 0;
  /** The client's clock at the call, by a v3 credential, in the range of mux/xlator/time-range. */
  timeSec = 0;
  timeNsec = 0;
}

/** A call that is answered with MSG_DENIED. */
export class RpcRejected {
  readonly xid: number;
  readonly reason: number;

  constructor(xid: number, reason: number) {
    this.xid = xid;
    this.reason = reason;
  }

  /** Writes the whole reply record. */
  encode(w: XdrWriter): void {
    w.beginRecord();
    w.u32(this.xid);
    w.u32(MsgType.reply);
    w.u32(ReplyStat.denied);
    w.u32(this.reason);
    if (this.reason === RejectStat.rpcMismatch) {
      w.u32(RPC_VERSION);
      w.u32(RPC_VERSION);
    } else {
      w.u32(AUTH_REJECTED);
    }
    w.endRecord();
  }
}

/** The refusal of a caller for any reason of authentication (also of an unprivileged port). */
export function authError(xid: number): RpcRejected {
  return new RpcRejected(xid, RejectStat.authError);
}

/**
 * Parses the header of a call. Throws RpcRejected for a call to be answered with MSG_DENIED, and XdrError for bytes that
 * are no call: the connection can't go on.
 */
export function parseCall(r: XdrReader, header: CallHeader): void {
  const at = r.skip(32);
  const v = r.view;
  header.xid = v.getUint32(at);
  if (v.getUint32(at + 4) !== MsgType.call) throw NOT_A_CALL;
  if (v.getUint32(at + 8) !== RPC_VERSION) throw new RpcRejected(header.xid, RejectStat.rpcMismatch);
  header.program = v.getUint32(at + 12);
  header.version = v.getUint32(at + 16);
  header.procedure = v.getUint32(at + 20);
  const flavor = v.getUint32(at + 24);
  const length = v.getUint32(at + 28);
  if (length > MAX_AUTH_BYTES) throw BAD_AUTH_LENGTH;
  const body = r.body(length, MAX_AUTH_BYTES);
  const verifier = r.skip(8);
  r.body(v.getUint32(verifier + 4), MAX_AUTH_BYTES);
  header.flavor = flavor;
  const args = r.at;
  const end = r.end;
  r.at = body;
  r.end = body + length;
  try {
    parseCredential(r, header, flavor);
  } catch (error) {
    if (error instanceof XdrError) throw authError(header.xid);
    throw error;
  } finally {
    r.at = args;
    r.end = end;
  }
}

function parseCredential(r: XdrReader, h: CallHeader, flavor: number): void {
  h.timeFlags = 0;
  h.timeSec = 0;
  h.timeNsec = 0;
  switch (flavor) {
    case AuthFlavor.glusterfsV3:
      h.pid = r.i32();
      h.uid = r.u32();
      h.gid = r.u32();
      h.timeFlags = r.u32();
      h.timeNsec = nanosecondsInRange(r.u32());
      h.timeSec = r.seconds();
      parseGroupsAndOwner(r, h, MAX_GROUPS_V3);
      return;
    case AuthFlavor.glusterfsV2:
      h.pid = r.i32();
      h.uid = r.u32();
      h.gid = r.u32();
      parseGroupsAndOwner(r, h, MAX_GROUPS_V2);
      return;
    case AuthFlavor.glusterfs:
      parseV1(r, h);
      return;
    case AuthFlavor.unix:
      r.u32(); // stamp
      r.body(r.u32(), MAX_AUTH_BYTES); // machine name
      h.uid = r.u32();
      h.gid = r.u32();
      h.pid = 0;
      h.lkOwner = '';
      parseGroups(r, h, r.u32(), MAX_GROUPS_UNIX);
      return;
    default:
      // AUTH_NULL; any unknown flavour counts as that.
      h.uid = 0;
      h.gid = 0;
      h.pid = 0;
      h.groups = NO_GROUPS;
      h.lkOwner = '';
  }
}

function parseGroupsAndOwner(r: XdrReader, h: CallHeader, limit: number): void {
  const sent = r.u32();
  const groupsAt = r.skip(sent * 4);
  h.lkOwner = r.byteString(MAX_AUTH_BYTES);
  const owner = h.lkOwner.length;
  if (owner > limit) throw TRUNCATED;
  takeGroups(r, h, groupsAt, Math.min(sent, limit - owner));
}

function parseV1(r: XdrReader, h: CallHeader): void {
  const ownerAt = r.skip(8);
  // The owner is a u64 that becomes bytes, least significant first.
  let owner = '';
  for (let i = 7; i >= 0; i--) owner += String.fromCharCode(byteAt(r.bytes, ownerAt + i));
  h.lkOwner = owner;
  h.pid = r.i32();
  h.uid = r.u32();
  h.gid = r.u32();
  const groups = r.u32();
  takeGroups(r, h, r.skip(MAX_GROUPS_UNIX * 4), Math.min(groups, MAX_GROUPS_UNIX));
}

function parseGroups(r: XdrReader, h: CallHeader, count: number, limit: number): void {
  if (count > limit) throw TRUNCATED;
  takeGroups(r, h, r.skip(count * 4), count);
}

/** Takes `count` groups at `at`; the array of the call before is kept when it says the same. */
function takeGroups(r: XdrReader, h: CallHeader, at: number, count: number): void {
  const v = r.view;
  const known = h.groups;
  if (known.length === count) {
    let i = 0;
    while (i < count && known[i] === v.getUint32(at + 4 * i)) i++;
    if (i === count) return;
  }
  if (count === 0) {
    h.groups = NO_GROUPS;
    return;
  }
  const groups: number[] = [];
  for (let i = 0; i < count; i++) groups.push(v.getUint32(at + 4 * i));
  h.groups = Object.freeze(groups);
}

/** Starts a record with a call of ours without credentials (AUTH_NULL), as callbacks are; arguments follow, then endRecord. */
export function beginCall(w: XdrWriter, xid: number, program: number, version: number, procedure: number): void {
  callHeader(w, xid, program, version, procedure, AuthFlavor.null);
  w.u32(0);
  endCredential(w);
}

/** Starts a record with a call under an AUTH_GLUSTERFS_v2 credential of this process, as Gluster's daemons call each other. */
export function beginCallAs(
  w: XdrWriter,
  xid: number,
  program: number,
  version: number,
  procedure: number,
  who: { pid: number; uid: number; gid: number; groups?: readonly number[]; lkOwner?: string },
): void {
  callHeader(w, xid, program, version, procedure, AuthFlavor.glusterfsV2);
  const lengthAt = w.take(4);
  w.u32(who.pid);
  w.u32(who.uid);
  w.u32(who.gid);
  const groups = who.groups ?? NO_GROUPS;
  w.u32(groups.length);
  for (const g of groups) w.u32(g);
  w.string(who.lkOwner ?? '');
  w.patch(lengthAt, w.at - lengthAt - 4);
  endCredential(w);
}

function callHeader(
  w: XdrWriter,
  xid: number,
  program: number,
  version: number,
  procedure: number,
  flavor: number,
): void {
  w.beginRecord();
  w.u32(xid);
  w.u32(MsgType.call);
  w.u32(RPC_VERSION);
  w.u32(program);
  w.u32(version);
  w.u32(procedure);
  w.u32(flavor);
}

function endCredential(w: XdrWriter): void {
  w.u32(AuthFlavor.null);
  w.u32(0);
}

/** Header of a reply to a call of ours. */
export class ReplyHeader {
  xid = 0;
  /** False: the call was refused before it reached a program; {@link stat} is then the reject_stat. */
  accepted = false;
  /** AcceptStat when accepted. */
  stat = 0;
  /** For a mismatch of versions: what the other side offers. For an authentication error `low` is the auth_stat. */
  low = 0;
  high = 0;
}

/** True when the record at the reader is a call (a callback); false when it is a reply. The reader does not move. */
export function isCall(r: XdrReader): boolean {
  if (r.left < 8) throw TRUNCATED;
  return r.view.getUint32(r.at + 4) === MsgType.call;
}

/** Parses the header of a reply; the reader then stands at the results. Throws XdrError for anything else. */
export function parseReply(r: XdrReader, header: ReplyHeader): void {
  header.xid = r.u32();
  if (r.u32() !== MsgType.reply) throw NOT_A_REPLY;
  header.low = 0;
  header.high = 0;
  const replyStat = r.u32();
  if (replyStat === ReplyStat.denied) {
    header.accepted = false;
    header.stat = r.u32();
    header.low = r.u32();
    if (header.stat === RejectStat.rpcMismatch) header.high = r.u32();
    return;
  }
  if (replyStat !== ReplyStat.accepted) throw NOT_A_REPLY;
  r.u32(); // verifier
  r.body(r.u32(), MAX_AUTH_BYTES);
  header.accepted = true;
  header.stat = r.u32();
  if (header.stat === 2) {
    header.low = r.u32();
    header.high = r.u32();
  }
}
