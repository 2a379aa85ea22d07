/**
 * A client that speaks RPC with a brick as it likes: any credential, any argument, any bytes. For tests of what a hostile
 * client can do, and of what the honest one beside it notices.
 */

import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { codecOf } from '../../mux/fops/codecs.js';
import { decodeOldDict, encodeOldDict } from '../../mux/wire/dict.js';
import {
  HANDSHAKE_PROGRAM,
  HANDSHAKE_VERSION,
  HandshakeProc,
  setvolumeReq,
  setvolumeRsp,
} from '../../mux/wire/programs/handshake.js';
import { parseReply, ReplyHeader } from '../../mux/wire/rpc.js';
import { XdrReader, XdrWriter } from '../../mux/wire/xdr.js';
import { Dict } from '../../mux/xlator/dict.js';
import { FOP_PROGRAM, FOP_VERSION, fopByName, type TableName } from '../../mux/xlator/fop-table.js';
import { Iatt } from '../../mux/xlator/iatt.js';
import { region } from '../../native/memory.js';

export const ROOT_KEY = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01';
export const NULL_KEY = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
/** fd number of an anonymous fd. */
export const ANONYMOUS = -2;

/** Who calls, as the credential says it. */
export interface Who {
  uid?: number;
  gid?: number;
  pid?: number;
  groups?: readonly number[];
  /** Byte string. */
  lkOwner?: string;
  /** A v3 credential with a client's clock. */
  time?: { flags: number; sec: bigint; nsec: number };
}

/** Nobody in particular: what most attacks are made as. */
export const USER: Who = { uid: 1000, gid: 1000, pid: 4711 };
export const ROOT_USER: Who = { uid: 0, gid: 0, pid: 4711 };

export interface Answer {
  /** False: the call was denied, or the program refused it. */
  accepted: boolean;
  /** AcceptStat, or the reason of a denial. */
  stat: number;
  ret: number;
  errno: number;
  /** The decoded response; its shape is the fop's. */
  // biome-ignore lint/suspicious/noExplicitAny: the caller knows the fop
  rsp: any;
  payload: Buffer;
}

/** What a field of a request is when a test does not say. */
// biome-ignore lint/suspicious/noExplicitAny: fields of all types
function blankField(fop: TableName, field: string): any {
  if (field.includes('gfid')) return field === 'gfid' && fop === 'lookup' ? NULL_KEY : ROOT_KEY;
  switch (field) {
    case 'xdata':
    case 'dict':
      return null;
    case 'bname':
    case 'name':
    case 'oldbname':
    case 'newbname':
    case 'linkname':
    case 'volume':
      return '';
    case 'fd':
    case 'fd_in':
    case 'fd_out':
      return ANONYMOUS;
    case 'stbuf':
      return new Iatt();
    case 'flock':
      return { type: 0, whence: 0, start: 0n, len: 0n, pid: 0, lk_owner: '' };
    case 'lease':
      return { cmd: 0, lease_type: 0, lease_id: new Uint8Array(16), lease_flags: 0 };
    case 'request':
      return [];
    case 'offset':
      return fop === 'readdir' || fop === 'readdirp' ? 0n : 0;
    default:
      return 0;
  }
}

/** A request of the fop: `fields` over harmless defaults (the root, an anonymous fd, nothing, 0). */
export function requestOf(fop: TableName, fields: Record<string, unknown> = {}): Record<string, unknown> {
  const request: Record<string, unknown> = {};
  for (const name of codecOf(fop).request.fieldNames) request[name] = blankField(fop, name);
  return Object.assign(request, fields);
}

/** A dictionary of texts, numbers and bytes. */
export function dictOf(values: Record<string, string | number | Uint8Array>): Dict {
  const dict = new Dict();
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'string') dict.setText(key, value);
    else if (typeof value === 'number') dict.setInt(key, value);
    else dict.setBytes(key, value);
  }
  return dict;
}

export function words(...values: number[]): Buffer {
  const b = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    b.writeUInt32BE(value >>> 0, i * 4);
  });
  return b;
}

const padded = (b: Buffer): Buffer => Buffer.concat([words(b.length), b, Buffer.alloc((4 - (b.length % 4)) % 4)]);
const AUTH_V2 = 390039;
const AUTH_V3 = 390040;
const LAST_FRAGMENT = 0x80000000;

/** A credential: v2, or v3 when `who` has a time. */
export function credential(who: Who): Buffer {
  const groups = who.groups ?? [];
  const head = words(who.pid ?? 0, who.uid ?? 0, who.gid ?? 0);
  const tail = Buffer.concat([words(groups.length, ...groups), padded(Buffer.from(who.lkOwner ?? 'raw!', 'latin1'))]);
  if (who.time === undefined) return Buffer.concat([words(AUTH_V2), padded(Buffer.concat([head, tail]))]);
  const time = Buffer.alloc(16);
  time.writeUInt32BE(who.time.flags >>> 0, 0);
  time.writeUInt32BE(who.time.nsec >>> 0, 4);
  time.writeBigUInt64BE(BigInt.asUintN(64, who.time.sec), 8);
  return Buffer.concat([words(AUTH_V3), padded(Buffer.concat([head, time, tail]))]);
}

/** A record of one fragment. */
export const record = (bytes: Buffer): Buffer => Buffer.concat([words(LAST_FRAGMENT + bytes.length), bytes]);

export function callRecord(xid: number, program: number, version: number, procedure: number, who: Who, args: Buffer) {
  return record(Buffer.concat([words(xid, 0, 2, program, version, procedure), credential(who), words(0, 0), args]));
}

/** Encoded arguments of a fop. */
export function encodeRequest(fop: TableName, fields: Record<string, unknown> = {}): Buffer {
  const w = new XdrWriter(region(65536));
  codecOf(fop).request.encode(w, requestOf(fop, fields));
  const bytes = Buffer.from(w.bytes.subarray(0, w.at));
  w.region.release();
  return bytes;
}

export class RawClient {
  readonly socket: Socket;
  closed = false;
  #xid = 0;
  #chunks: Buffer[] = [];
  #buffered = 0;
  readonly #waiting = new Map<number, (record: Buffer | null) => void>();
  /** Calls of the server (upcalls). */
  readonly callbacks: Buffer[] = [];
  /** Used by calls that do not say who calls. */
  who: Who;

  private constructor(socket: Socket, who: Who) {
    this.socket = socket;
    this.who = who;
    socket.on('data', (data) => this.#received(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      for (const done of this.#waiting.values()) done(null);
      this.#waiting.clear();
    });
  }

  /** A connection that has not shaken hands yet. */
  static async connect(port: number, who: Who = USER): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new RawClient(socket, who);
  }

  /** A connection that has shaken hands with a brick. Throws when it is refused. */
  static async login(
    port: number,
    brick: string,
    who: Who = USER,
    pairs: Record<string, string> = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(port, who);
    const answer = await client.setvolume({ 'remote-subvolume': brick, ...pairs });
    if (answer.ret !== 0) throw new Error(`SETVOLUME: errno ${answer.errno}, ${answer.text}`);
    return client;
  }

  async setvolume(pairs: Record<string, string>): Promise<{ ret: number; errno: number; text: string }> {
    const dict = new Dict();
    const all = { 'process-uuid': `CTX_ID:${randomUUID()}-raw`, 'fops-version': '1298437', 'process-name': 'raw' };
    for (const [key, value] of Object.entries({ ...all, ...pairs })) dict.setText(key, value);
    const w = new XdrWriter(region(65536));
    setvolumeReq.encode(w, { dict: encodeOldDict(dict) });
    const args = Buffer.from(w.bytes.subarray(0, w.at));
    w.region.release();
    const reply = await this.#ask((xid) =>
      callRecord(xid, HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc.setvolume, this.who, args),
    );
    if (reply === null) throw new Error('the connection was closed during the handshake');
    const reader = new XdrReader().reset(reply, 0, reply.length);
    parseReply(reader, new ReplyHeader());
    const rsp = setvolumeRsp.decode(reader);
    return { ret: rsp.op_ret, errno: rsp.op_errno, text: decodeOldDict(rsp.dict).text('ERROR') ?? '' };
  }

  /** Calls a fop and waits for its answer. Rejects when the connection ends before. */
  async call(
    fop: TableName,
    fields: Record<string, unknown> = {},
    who: Who = this.who,
    payload: Buffer = Buffer.alloc(0),
  ): Promise<Answer> {
    return this.callBytes(fop, Buffer.concat([encodeRequest(fop, fields), payload]), who);
  }

  /** Calls a fop with arguments as bytes. */
  async callBytes(fop: TableName, args: Buffer, who: Who = this.who): Promise<Answer> {
    const { number } = fopByName(fop);
    const { response } = codecOf(fop);
    const reply = await this.#ask((xid) => callRecord(xid, FOP_PROGRAM, FOP_VERSION, number, who, args));
    if (reply === null) throw new Error(`the connection was closed before ${fop} was answered`);
    const reader = new XdrReader().reset(reply, 0, reply.length);
    const header = new ReplyHeader();
    parseReply(reader, header);
    const none = { ret: -1, errno: 0, rsp: null, payload: Buffer.alloc(0) };
    if (!header.accepted || header.stat !== 0)
      return { accepted: header.accepted && header.stat === 0, stat: header.stat, ...none };
    const rsp = response.decode(reader);
    return {
      accepted: true,
      stat: 0,
      ret: rsp.op_ret,
      errno: rsp.op_errno,
      rsp,
      payload: reply.subarray(reader.at),
    };
  }

  /** Sends bytes as they are. */
  send(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  end(): void {
    this.socket.destroy();
  }

  // --- what most tests begin with -------------------------------------------------------------------------------------

  /** LOOKUP of a name. */
  lookup(parent: string, name: string, who?: Who, xdata: Dict | null = null): Promise<Answer> {
    return this.call('lookup', { pargfid: parent, bname: name, xdata }, who);
  }

  /** The gfid of a name, as a byte string. Throws unless it is there. */
  async gfid(parent: string, name: string, who?: Who): Promise<string> {
    const answer = await this.lookup(parent, name, who);
    if (answer.ret !== 0) throw new Error(`LOOKUP of ${name}: errno ${answer.errno}`);
    return keyOf(answer.rsp.prestat.gfid);
  }

  /** Makes a directory with that mode; the gfid is chosen here unless given. Returns it. */
  async mkdir(parent: string, name: string, mode = 0o755, who?: Who): Promise<string> {
    const gfid = newKey();
    const answer = await this.call('mkdir', { pargfid: parent, bname: name, mode, xdata: gfidRequest(gfid) }, who);
    if (answer.ret !== 0) throw new Error(`MKDIR of ${name}: errno ${answer.errno}`);
    return gfid;
  }

  /** Makes and opens a file. */
  async create(parent: string, name: string, mode = 0o644, who?: Who): Promise<{ gfid: string; fd: number }> {
    const gfid = newKey();
    const fields = { pargfid: parent, bname: name, mode, flags: 2, xdata: gfidRequest(gfid) };
    const answer = await this.call('create', fields, who);
    if (answer.ret !== 0) throw new Error(`CREATE of ${name}: errno ${answer.errno}`);
    return { gfid: keyOf(answer.rsp.stat.gfid), fd: answer.rsp.fd };
  }

  // ----------------------------------------------------------------------------------------------------------------------

  #ask(encode: (xid: number) => Buffer): Promise<Buffer | null> {
    if (this.closed) return Promise.resolve(null);
    const xid = ++this.#xid;
    const reply = new Promise<Buffer | null>((resolve) => this.#waiting.set(xid, resolve));
    this.socket.write(encode(xid));
    return reply;
  }

  /** Takes whole records out of what came, fragments put together. */
  #received(data: Buffer): void {
    this.#chunks.push(data);
    this.#buffered += data.length;
    if (this.#buffered < 4) return;
    const first = this.#chunks[0]!;
    if (first.length >= 4 && this.#buffered < 4 + (first.readUInt32BE(0) & 0x7fffffff)) return;
    let rest = Buffer.concat(this.#chunks);
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0) & 0x7fffffff;
      if (rest.length < 4 + length) break;
      this.#take(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
  }

  #take(bytes: Buffer): void {
    if (bytes.readUInt32BE(4) === 0) {
      this.callbacks.push(bytes);
      return;
    }
    const xid = bytes.readUInt32BE(0);
    const done = this.#waiting.get(xid);
    this.#waiting.delete(xid);
    done?.(bytes);
  }
}

/** A new random gfid, as a byte string. */
export function newKey(): string {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex').latin1Slice();
}

export function keyOf(gfid: Uint8Array): string {
  return Buffer.from(gfid).latin1Slice();
}

/** xdata that asks for a new file to get that gfid. */
export function gfidRequest(key: string): Dict {
  return new Dict().setGfid('gfid-req', Uint8Array.from(Buffer.from(key, 'latin1')));
}
