/** A brick of a made-up translator behind a real socket, and the client's side of it. */

import { connect, type Socket } from 'node:net';
import t from 'tap';
import { Brick } from '../../../mux/brick/brick.js';
import type { ClientIdentity } from '../../../mux/brick/client.js';
import type { ServerRules } from '../../../mux/brick/server-rules.js';
import { codecOf } from '../../../mux/fops/codecs.js';
import { openSession } from '../../../mux/session/session.js';
import { beginCallAs } from '../../../mux/wire/rpc.js';
import { XdrReader, XdrWriter } from '../../../mux/wire/xdr.js';
import type { Call } from '../../../mux/xlator/call.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { FOP_PROGRAM, FOP_VERSION, fopByName } from '../../../mux/xlator/fop-table.js';
import type {
  FdArgs,
  LkArgs,
  LkReply,
  LookupReply,
  OpenArgs,
  ReadArgs,
  ReadReply,
  WriteArgs,
  WriteReply,
  Xdata,
} from '../../../mux/xlator/fops.js';
import { ROOT_GFID } from '../../../mux/xlator/gfid.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import type { Fd } from '../../../mux/xlator/inode.js';
import { Translator } from '../../../mux/xlator/translator.js';
import { addon } from '../../../native/addon.js';
import { bytesOfText } from '../../../native/bytes.js';
import { ENOENT } from '../../../native/errno.js';
import { S_IFDIR } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';

const stat = Object.assign(new Iatt(), { gfid: ROOT_GFID, mode: S_IFDIR | 0o755, nlink: 2 });

/** Answers as told; keeps what it was asked. */
export class Fake extends Translator<unknown> {
  written: Buffer[] = [];
  released = 0;
  flushed = 0;
  waiting: (() => void)[] = [];
  reading = 0;
  /** Fops as they came: name or offset, and the groups of the caller. */
  readonly came: [fop: string, groups: readonly number[]][] = [];

  lookup(): LookupReply {
    return { stat, postparent: stat, xdata: null };
  }
  open(_call: Call, _args: OpenArgs): Xdata {
    return { xdata: null };
  }
  flush(call: Call, _args: FdArgs): Xdata {
    this.came.push(['flush', call.groups]);
    this.flushed++;
    return { xdata: null };
  }
  readv(_call: Call, args: ReadArgs): Promise<ReadReply> | ReadReply {
    if (args.offset === 404) throw failure(ENOENT);
    const reply = (): ReadReply => {
      const r = region(args.size);
      r.bytes.fill(args.offset & 0xff, 0, args.size);
      return { count: args.size, errno: 0, stat, region: r, xdata: null };
    };
    if (args.flags === 0) return reply();
    this.reading++;
    return new Promise((resolve) => this.waiting.push(() => resolve(reply())));
  }
  async writev(call: Call, args: WriteArgs): Promise<WriteReply> {
    this.came.push([`write ${args.offset}`, call.groups]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.written.push(Buffer.from(args.region.bytes.subarray(args.start, args.start + args.size)));
    return { count: args.size, pre: stat, post: stat, xdata: null };
  }
  lk(_call: Call, args: LkArgs): Promise<LkReply> {
    return new Promise((resolve) => this.waiting.push(() => resolve({ flock: args.flock, xdata: null })));
  }
  override releasedir(_fd: Fd): void {
    this.released++;
  }
}

export const RULES: ServerRules = {
  inodeLruLimit: 100,
  outstandingRpcLimit: 4,
  rootSquash: false,
  allSquash: false,
  anonUid: 65534,
  anonGid: 65534,
  manageGids: false,
  gidTimeoutSec: 300,
  windowBytes: 0,
  keepalive: { on: true, idleSec: 20, intervalSec: 2, count: 9, userTimeoutSec: 42 },
};

export const IDENTITY: ClientIdentity = {
  uid: 'client-1',
  opVersion: 100000,
  processName: 'test',
  peer: '127.0.0.1:1',
  version: '10.3',
  trusted: true,
  subdir: '/',
  credential: '',
  auth: {
    brick: '/b',
    peerAddress: '',
    peerPort: 0,
    username: undefined,
    password: undefined,
    subdir: '/',
    tlsName: null,
  },
};

export interface Rig {
  brick: Brick;
  fake: Fake;
  client: Client;
}

/** The client's side: sends calls, collects replies by xid. */
export class Client {
  readonly socket: Socket;
  readonly replies = new Map<number, Buffer>();
  #buffer = Buffer.alloc(0);
  #wake: (() => void)[] = [];
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.#buffer = Buffer.concat([this.#buffer, data]);
      while (this.#buffer.length >= 4) {
        const length = this.#buffer.readUInt32BE(0) & 0x7fffffff;
        if (this.#buffer.length < 4 + length) break;
        const record = this.#buffer.subarray(4, 4 + length);
        this.replies.set(record.readUInt32BE(0), Buffer.from(record));
        this.#buffer = this.#buffer.subarray(4 + length);
      }
      for (const wake of this.#wake.splice(0)) wake();
    });
    socket.on('close', () => {
      this.closed = true;
      for (const wake of this.#wake.splice(0)) wake();
    });
    socket.on('error', () => {});
  }

  record(
    xid: number,
    name: Parameters<typeof fopByName>[0],
    request: unknown,
    payload = Buffer.alloc(0),
    uid = 0,
    pid = 1000,
  ): Buffer {
    const fop = fopByName(name);
    const w = new XdrWriter(region(65536));
    beginCallAs(w, xid, FOP_PROGRAM, FOP_VERSION, fop.number, { pid, uid, gid: 0, lkOwner: 'owner' });
    codecOf(fop.name).request.encode(w, request);
    w.endRecord(payload.length);
    return Buffer.concat([w.bytes.subarray(0, w.at), payload]);
  }

  async reply(xid: number): Promise<Buffer> {
    while (!this.replies.has(xid)) {
      if (this.closed) throw new Error(`closed before reply ${xid}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return this.replies.get(xid)!;
  }

  async result(xid: number, name: Parameters<typeof fopByName>[0]) {
    const bytes = await this.reply(xid);
    const reader = new XdrReader().reset(bytes, 24, bytes.length);
    const rsp = codecOf(name).response.decode(reader);
    return { rsp, payload: bytes.subarray(reader.at) };
  }
}

/** A brick of one such translator. */
export async function brickOf<F extends Fake>(
  Layer: new (init: ConstructorParameters<typeof Fake>[0]) => F,
  onFailed: (reason: string) => void = () => {},
): Promise<{ brick: Brick; fake: F }> {
  let fake: F | undefined;
  const layer = {
    name: 'fake',
    type: 'test/fake',
    options: {},
    create: (init: ConstructorParameters<typeof Fake>[0]) => {
      fake = new Layer(init);
      return fake;
    },
  };
  const brick = new Brick(bytesOfText('/b'), 'v-server', RULES, [layer], onFailed);
  await brick.init();
  return { brick, fake: fake! };
}

/** Both ends of a connection: the client's, and the descriptor of the server's. */
export async function connection(): Promise<{ socket: Socket; fd: number }> {
  const listener = addon.listenTcp('127.0.0.1', 0, 4, 8);
  const [, port] = addon.sockName(listener) as [string, number];
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  const fd = addon.accept(listener);
  addon.closeFd(listener);
  t.teardown(() => socket.destroy());
  return { socket, fd };
}

/** A brick with one client that is connected. */
export async function rig(onFailed?: (reason: string) => void): Promise<Rig> {
  const { brick, fake } = await brickOf(Fake, onFailed);
  const { socket, fd } = await connection();
  await openSession(brick, IDENTITY, fd);
  return { brick, fake, client: new Client(socket) };
}

export const ROOT = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01';
export const read = (fd: number, offset: number, size: number, flag = 0) => ({
  gfid: ROOT,
  fd,
  offset,
  size,
  flag,
  xdata: null,
});
