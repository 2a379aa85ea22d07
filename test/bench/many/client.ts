/** A client of one brick at the level of the wire: shakes hands, calls fops, and notices every call that gets no answer. */

import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { codecOf } from '../../../mux/fops/codecs.js';
import { decodeOldDict, encodeOldDict } from '../../../mux/wire/dict.js';
import {
  HANDSHAKE_PROGRAM,
  HANDSHAKE_VERSION,
  HandshakeProc,
  setvolumeReq,
  setvolumeRsp,
} from '../../../mux/wire/programs/handshake.js';
import { beginCallAs, isCall, parseReply, ReplyHeader } from '../../../mux/wire/rpc.js';
import { XdrReader, XdrWriter } from '../../../mux/wire/xdr.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FOP_PROGRAM, FOP_VERSION, fopByName, type TableName } from '../../../mux/xlator/fop-table.js';
import { region } from '../../../native/memory.js';

/** The connection ended while a call was under way, or could not be made: what happens to clients of a brick that goes. */
export class Disconnected extends Error {}
/** A call got no answer though the connection stands. */
export class Unanswered extends Error {}

interface Pending {
  resolve: (reply: Buffer) => void;
  reject: (error: Error) => void;
  what: string;
  since: number;
}

export type Reply = Record<string, unknown> & { op_ret: number; op_errno: number };

/** Clients that wait for answers, under one timer: a call must not cost one of its own. */
const watched = new Set<WireClient>();
setInterval(() => {
  const now = Date.now();
  for (const client of [...watched]) client.check(now);
}, 1000).unref();

/** How long an answer may take: longer than any wait of the server's own. */
const LIMIT_MS = 45_000;
const SCRATCH_BYTES = 64 << 10;
const scratch = new XdrWriter(region(SCRATCH_BYTES));

export class WireClient {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #chunks: Buffer[] = [];
  #have = 0;
  #xid = 0;
  #gone = false;
  readonly uid = `many-${randomUUID()}`;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
  }

  /** Connects and mounts a brick. Rejects with Disconnected when there is no such brick (any more). */
  static async open(port: number, brick: string): Promise<WireClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) => reject(new Disconnected(error.message)));
    });
    const client = new WireClient(socket);
    const keys = new Dict()
      .setText('process-uuid', client.uid)
      .setText('remote-subvolume', brick)
      .setText('client-version', '10.3')
      .setInt('fops-version', FOP_PROGRAM)
      .setInt('opversion', 100000);
    const bytes = await client.#call(HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc.setvolume, 'setvolume', (w) =>
      setvolumeReq.encode(w, { dict: encodeOldDict(keys) }),
    );
    const r = new XdrReader().reset(bytes, 0, bytes.length);
    parseReply(r, new ReplyHeader());
    const rsp = setvolumeRsp.decode(r);
    if (rsp.op_ret === 0) return client;
    client.vanish();
    throw new Disconnected(`setvolume: ${decodeOldDict(rsp.dict).text('ERROR')}`);
  }

  /** Calls a fop; `payload` follows the request. Fails with Disconnected or Unanswered, not for an errno in the answer. */
  async fop(name: TableName, request: Record<string, unknown>, payload?: Buffer): Promise<Reply> {
    const fop = fopByName(name);
    const reply = await this.#call(
      FOP_PROGRAM,
      FOP_VERSION,
      fop.number,
      name,
      (w) => codecOf(fop.name).request.encode(w, { xdata: null, ...request }),
      payload,
    );
    const r = new XdrReader().reset(reply, 0, reply.length);
    const header = new ReplyHeader();
    parseReply(r, header);
    if (!header.accepted || header.stat !== 0) throw new Error(`${name} was refused: ${header.stat}`);
    return codecOf(fop.name).response.decode(r) as Reply;
  }

  /** Goes without a word. */
  vanish(): void {
    this.#gone = true;
    this.#socket.destroy();
  }

  #call(
    program: number,
    version: number,
    procedure: number,
    what: string,
    args: (w: XdrWriter) => void,
    payload?: Buffer,
  ): Promise<Buffer> {
    if (this.#gone || this.#socket.destroyed) return Promise.reject(new Disconnected(`before ${what}`));
    const xid = ++this.#xid;
    scratch.rewind();
    beginCallAs(scratch, xid, program, version, procedure, { pid: process.pid, uid: 0, gid: 0, lkOwner: 'manymany' });
    args(scratch);
    scratch.endRecord(payload?.length ?? 0);
    const head = Buffer.from(scratch.bytes.subarray(0, scratch.at));
    this.#socket.write(payload === undefined ? head : Buffer.concat([head, payload]));
    return new Promise((resolve, reject) => {
      this.#pending.set(xid, { resolve, reject, what, since: Date.now() });
      watched.add(this);
    });
  }

  #received(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    if (this.#have < 4) return;
    let all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    while (all.length >= 4) {
      const length = all.readUInt32BE(0) & 0x7fffffff;
      if (all.length < 4 + length) break;
      this.#record(all.subarray(4, 4 + length));
      all = all.subarray(4 + length);
    }
    this.#chunks.length = 0;
    if (all.length > 0) this.#chunks.push(all);
    this.#have = all.length;
  }

  #record(record: Buffer): void {
    if (isCall(new XdrReader().reset(record, 0, record.length))) return;
    const xid = record.readUInt32BE(0);
    const pending = this.#pending.get(xid);
    if (pending === undefined) return;
    this.#pending.delete(xid);
    pending.resolve(record);
  }

  #closed(): void {
    for (const p of this.#pending.values()) p.reject(new Disconnected(`during ${p.what}`));
    this.#pending.clear();
    watched.delete(this);
  }

  /** Fails the calls that have waited too long. */
  check(now: number): void {
    for (const [xid, p] of this.#pending) {
      if (now - p.since < LIMIT_MS) continue;
      this.#pending.delete(xid);
      p.reject(new Unanswered(`${p.what} got no answer within ${LIMIT_MS / 1000} s`));
    }
    if (this.#pending.size === 0) watched.delete(this);
  }
}
