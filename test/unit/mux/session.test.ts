/** A brick of made-up translators behind a real socket: records in, replies out, in every order and at every end. */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { Brick, type ServerRules } from '../../../mux/brick.js';
import type { ClientIdentity } from '../../../mux/client.js';
import { FOP_PROGRAM, FOP_VERSION, fopByName } from '../../../mux/fops/table.js';
import { beginCallAs } from '../../../mux/wire/rpc.js';
import { XdrReader, XdrWriter } from '../../../mux/wire/xdr.js';
import { addon } from '../../../native/addon.js';
import { region } from '../../../native/memory.js';
import type { Call } from '../../../posix/contract/call.js';
import { ENOENT } from '../../../posix/contract/errno.js';
import { failure } from '../../../posix/contract/error.js';
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
} from '../../../posix/contract/fops.js';
import { ROOT_GFID } from '../../../posix/contract/gfid.js';
import { Iatt, S_IFDIR } from '../../../posix/contract/iatt.js';
import type { Fd } from '../../../posix/contract/inode.js';
import { Translator } from '../../../posix/contract/translator.js';

const stat = Object.assign(new Iatt(), { gfid: ROOT_GFID, mode: S_IFDIR | 0o755, nlink: 2 });

/** Answers as told; keeps what it was asked. */
class Fake extends Translator<unknown> {
  written: Buffer[] = [];
  released = 0;
  flushed = 0;
  waiting: (() => void)[] = [];
  reading = 0;

  lookup(): LookupReply {
    return { stat, postparent: stat, xdata: null };
  }
  open(_call: Call, _args: OpenArgs): Xdata {
    return { xdata: null };
  }
  flush(_call: Call, _args: FdArgs): Xdata {
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
  async writev(_call: Call, args: WriteArgs): Promise<WriteReply> {
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

const RULES: ServerRules = {
  inodeLruLimit: 100,
  outstandingRpcLimit: 4,
  rootSquash: false,
  allSquash: false,
  anonUid: 65534,
  anonGid: 65534,
  manageGids: false,
  gidTimeoutSec: 300,
};

const IDENTITY: ClientIdentity = {
  uid: 'client-1',
  opVersion: 100000,
  processName: 'test',
  peer: '127.0.0.1:1',
  version: '10.3',
  trusted: true,
  subdir: '/',
  auth: { brick: '/b', peerAddress: '', peerPort: 0, username: undefined, password: undefined, subdir: '/' },
};

interface Rig {
  brick: Brick;
  fake: Fake;
  client: Client;
}

/** The client's side: sends calls, collects replies by xid. */
class Client {
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

  record(xid: number, name: Parameters<typeof fopByName>[0], request: unknown, payload = Buffer.alloc(0)): Buffer {
    const fop = fopByName(name);
    const w = new XdrWriter(region(65536));
    beginCallAs(w, xid, FOP_PROGRAM, FOP_VERSION, fop.number, { pid: 1000, uid: 0, gid: 0, lkOwner: 'owner' });
    fop.request.encode(w, request);
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
    const rsp = fopByName(name).response.decode(reader);
    return { rsp, payload: bytes.subarray(reader.at) };
  }
}

async function rig(): Promise<Rig> {
  let fake: Fake | undefined;
  const layer = {
    name: 'fake',
    type: 'test/fake',
    options: {},
    create: (init: ConstructorParameters<typeof Fake>[0]) => {
      fake = new Fake(init);
      return fake;
    },
  };
  const brick = new Brick('/b', 'v-server', RULES, [layer], () => {});
  await brick.init();
  const listener = addon.listenTcp('127.0.0.1', 0, 4, 8);
  const [, port] = addon.sockName(listener) as [string, number];
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  const fd = addon.accept(listener);
  addon.closeFd(listener);
  await brick.join(IDENTITY, fd);
  t.teardown(() => socket.destroy());
  return { brick, fake: fake!, client: new Client(socket) };
}

const ROOT = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01';
const read = (fd: number, offset: number, size: number, flag = 0) => ({
  gfid: ROOT,
  fd,
  offset,
  size,
  flag,
  xdata: null,
});

t.test('a fop comes back, with its data', async (t) => {
  const { client } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  t.match((await client.result(1, 'open')).rsp, { op_ret: 0, fd: 0 });
  client.socket.write(client.record(2, 'readv', read(0, 7, 4096)));
  const { rsp, payload } = await client.result(2, 'readv');
  t.match(rsp, { op_ret: 4096, size: 4096 });
  t.same(payload, Buffer.alloc(4096, 7));
  client.socket.write(client.record(3, 'readv', read(9, 7, 4096)));
  t.match((await client.result(3, 'readv')).rsp, { op_ret: -1, op_errno: 9 }, 'an fd that is not open');
  client.socket.write(client.record(4, 'readv', read(0, 404, 4096)));
  t.match((await client.result(4, 'readv')).rsp, { op_ret: -1, op_errno: ENOENT });
  client.socket.write(client.record(5, 'readv', read(-2, 1, 10)));
  t.match((await client.result(5, 'readv')).rsp, { op_ret: 10 }, 'an anonymous fd');
  client.socket.write(client.record(6, 'release', { gfid: ROOT, fd: 0, xdata: null }));
  t.match((await client.result(6, 'release')).rsp, { op_ret: 0 });
});

t.test('data to write survives what is received meanwhile', async (t) => {
  const { client, fake } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 2, xdata: null }));
  await client.reply(1);
  const parts: Buffer[] = [];
  for (let i = 0; i < 3; i++) {
    const data = Buffer.alloc(50_000 + i, 65 + i);
    const request = { gfid: ROOT, fd: 0, offset: i * 100_000, size: data.length, flag: 0, xdata: null };
    parts.push(client.record(10 + i, 'writev', request, data));
  }
  const all = Buffer.concat(parts);
  // In pieces that cut records anywhere.
  for (let at = 0; at < all.length; at += 7777) {
    client.socket.write(all.subarray(at, at + 7777));
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let i = 0; i < 3; i++) t.match((await client.result(10 + i, 'writev')).rsp, { op_ret: 50_000 + i });
  t.same(
    fake.written.map((b) => [b.length, b[0], b.at(-1)]),
    [0, 1, 2].map((i) => [50_000 + i, 65 + i, 65 + i]),
  );
});

t.test('reading pauses at the limit of outstanding fops, lock requests do not count', async (t) => {
  const { client, fake } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  const flock = { type: 1, whence: 0, start: 0n, len: 0n, pid: 1, lk_owner: 'o' };
  for (let i = 0; i < 10; i++) {
    client.socket.write(client.record(100 + i, 'lk', { gfid: ROOT, fd: 0, cmd: 2, type: 1, flock, xdata: null }));
  }
  for (let i = 0; i < 10; i++) {
    client.socket.write(client.record(10 + i, 'readv', read(0, i, 100, 1)));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.equal(fake.waiting.length, 14, 'ten locks and four reads have arrived');
  t.equal(fake.reading, 4);
  while (fake.waiting.length > 0) {
    for (const answer of fake.waiting.splice(0)) answer();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (let i = 0; i < 10; i++) t.match((await client.result(10 + i, 'readv')).rsp, { op_ret: 100 });
});

t.test('a client that goes is noticed while nothing is read from it', async (t) => {
  const { brick, client, fake } = await rig();
  client.socket.write(client.record(1, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(1);
  for (let i = 0; i < 6; i++) client.socket.write(client.record(10 + i, 'readv', read(0, i, 100, 1)));
  while (fake.reading < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  client.socket.destroy();
  for (let i = 0; i < 100 && brick.clients.size > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(brick.clients.size, 0, 'although its fops hang');
  for (const answer of fake.waiting.splice(0)) answer();
  await brick.close();
});

t.test('a client that goes takes its fds along, after what is under way', async (t) => {
  const { brick, client, fake } = await rig();
  for (let i = 1; i <= 3; i++) client.socket.write(client.record(i, 'open', { gfid: ROOT, flags: 0, xdata: null }));
  await client.reply(3);
  t.equal(brick.root.refs, 4);
  client.socket.write(client.record(9, 'readv', read(0, 1, 100, 1)));
  while (fake.waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  client.socket.destroy();
  while (brick.clients.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(fake.released, 2, 'the one in use stays');
  fake.waiting[0]!();
  while (brick.callsUnderWay > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(fake.released, 3);
  t.equal(brick.root.refs, 1);
  await brick.close();
});

t.test('garbage ends the connection, wrong calls are refused and it goes on', async (t) => {
  const { client } = await rig();
  const bad = client.record(1, 'stat', { gfid: ROOT, xdata: null });
  const truncated = Buffer.from(bad.subarray(0, bad.length - 8));
  truncated.writeUInt32BE((0x80000000 | (truncated.length - 4)) >>> 0, 0);
  client.socket.write(truncated);
  t.equal((await client.reply(1)).readUInt32BE(20), 4, 'GARBAGE_ARGS');
  const procedure = client.record(2, 'stat', { gfid: ROOT, xdata: null });
  procedure.writeUInt32BE(999, 24);
  client.socket.write(procedure);
  t.equal((await client.reply(2)).readUInt32BE(20), 3, 'PROC_UNAVAIL');
  const program = client.record(3, 'stat', { gfid: ROOT, xdata: null });
  program.writeUInt32BE(4711, 16);
  client.socket.write(program);
  t.equal((await client.reply(3)).readUInt32BE(20), 1, 'PROG_UNAVAIL');
  client.socket.write(client.record(4, 'stat', { gfid: ROOT, xdata: null }));
  t.match(
    (await client.result(4, 'stat')).rsp,
    { op_ret: -1, op_errno: 38 },
    'served still; nobody implements stat here',
  );
  client.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  while (!client.closed) await new Promise((resolve) => setTimeout(resolve, 5));
  t.pass('a record of 2 GiB is the end');
});
