import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { replyRecord } from '../../../brickd/rpc/rpc-records.js';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import { ChangelogTranslator } from '../../../brickd/translators/features/changelog/changelog.js';
import { type Options, options as table } from '../../../brickd/translators/features/changelog/options.js';
import { RecordScanner } from '../../../brickd/translators/features/changelog/torn-record.js';
import {
  brReleaseEvent,
  ChangelogEvent,
  IPC_CHANGELOG,
} from '../../../brickd/translators/features/changelog-events.js';
import {
  changelogEventReq,
  changelogEventRsp,
  changelogProbeReq,
  changelogProbeRsp,
} from '../../../mux/wire/programs/changelog.js';
import { struct, u32 } from '../../../mux/wire/schema.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { addon } from '../../../native/addon.js';
import { Batch } from '../../../native/batch.js';
import { EEXIST, EOPNOTSUPP } from '../../../native/errno.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, gfidOf, state, statOf } from './harness.js';

const top = mkdtempSync(join(tmpdir(), 'changelog-'));
t.teardown(() => rmSync(top, { recursive: true }));
const client = new FakeClient();
const ROOT = '00000000-0000-0000-0000-000000000001';
const TEXT_HEADER = 'GlusterFS Changelog | version: v1.2 | encoding : 2\n';

let bricks = 0;

/** Wire numbers of fops. */
const WIRE = { setattr: 38, setxattr: 17 };

class Setup {
  readonly path: string;
  readonly journals: string;
  readonly brick = new FakeBrick();
  readonly gfid = gfidOf(77);
  t!: ChangelogTranslator;

  constructor(path = join(top, `b${++bricks}`)) {
    this.path = path;
    this.journals = join(path, 'changelogs');
    mkdirSync(path, { recursive: true });
  }

  options(given: Record<string, string> = {}): Options {
    const all = {
      changelog: 'on',
      'changelog-brick': this.path,
      'changelog-dir': this.journals,
      'rollover-time': '3600',
      ...given,
    };
    const texts = new Map(Object.entries(all).map(([key, value]) => [key, { value, line: 1 }]));
    return parseOptions(table, { name: 'v', line: 1, options: texts }).values as Options;
  }

  async start(given: Record<string, string> = {}, next: Partial<Fops> = {}): Promise<this> {
    const init = { name: 'v-changelog', type: 'features/changelog', options: this.options(given), brick: this.brick };
    this.t = new ChangelogTranslator({ ...init, slot: 0 }, this.path);
    const stat = statOf({ gfid: this.gfid });
    const made = () => Promise.resolve({ stat, preparent: stat, postparent: stat, xdata: null });
    const done = () => Promise.resolve({ pre: stat, post: stat, xdata: null });
    const lower = {
      create: async () => ({ ...(await made()), bind() {}, abandon() {} }),
      mkdir: made,
      mknod: made,
      symlink: made,
      link: made,
      unlink: async () => ({ preparent: stat, postparent: stat, xdata: null }),
      rmdir: async () => ({ preparent: stat, postparent: stat, xdata: null }),
      rename: async () => ({}),
      writev: async () => ({ ...(await done()), count: 3 }),
      setattr: done,
      truncate: done,
      setxattr: async () => ({ xdata: null }),
      ...next,
    };
    this.t.next = lower as unknown as Fops;
    await this.t.init();
    return this;
  }

  /** Records of the journal that is being written. */
  get current(): string {
    return readFileSync(join(this.journals, 'CHANGELOG'), 'latin1');
  }

  /** All journals that are complete, in order. */
  get complete(): string[] {
    return this.index.records.filter((r) => r.includes('/CHANGELOG.')).map((r) => readFileSync(r, 'latin1'));
  }

  get index(): { name: string; records: string[]; size: number } {
    const dir = join(this.journals, 'htime');
    const name = readdirSync(dir).sort().at(-1)!;
    const text = readFileSync(join(dir, name), 'latin1');
    return { name, records: text.split('\0').slice(0, -1), size: text.length };
  }

  /** Puts the journal away: a change of the encoding does so. */
  async roll(encoding: string): Promise<void> {
    await this.t.reconfigure(this.options({ encoding }));
  }

  readonly loc = (name: string) => ({ inode: null, parent: this.brick.root, name });
  readonly gfidReq = () => new Dict().setGfid('gfid-req', this.gfid);

  create(name: string, pid = 1000): Promise<unknown> {
    const args = { loc: this.loc(name), flags: 2, mode: 0o100644, umask: 0, pid, xdata: this.gfidReq() };
    return Promise.resolve(this.t.create(callOf(client, { pid, uid: 5, gid: 6 }), args));
  }
}

const has = (setup: Setup, records: string) => `${TEXT_HEADER}${records}` === setup.current;

t.test('records of entries as texts', async (t) => {
  const s = await new Setup().start();
  const g = gfidText(s.gfid);
  const call = callOf(client, { uid: 5, gid: 6 });
  await s.create('f');
  let want = `E${g}\x0023\x0033188\x005\x006\x00${ROOT}/f\0`;
  t.ok(has(s, want), 'when the create is answered, its record is in the file');
  await s.t.mkdir(call, { loc: s.loc('d'), mode: 0o755, umask: 0, xdata: s.gfidReq() });
  want += `E${g}\x004\x0016877\x005\x006\x00${ROOT}/d\0`;
  await s.t.mknod(call, { loc: s.loc('n'), mode: 0o10600, rdev: 0, umask: 0, xdata: s.gfidReq() });
  want += `E${g}\x003\x004480\x005\x006\x00${ROOT}/n\0`;
  await s.t.symlink(call, { loc: s.loc('s'), target: 't', umask: 0, xdata: s.gfidReq() });
  want += `E${g}\x007\x00${ROOT}/s\0`;
  const inode = s.brick.inode();
  const i = gfidText(inode.gfid);
  await s.t.link(call, { inode, newLoc: s.loc('l'), xdata: null });
  want += `E${i}\x009\x00${ROOT}/l\0`;
  await s.t.unlink(call, { loc: { ...s.loc('l'), inode }, xflags: 0, xdata: null });
  want += `E${i}\x005\x00${ROOT}/l\0\0\0`;
  await s.t.rmdir(call, { loc: { ...s.loc('d'), inode }, flags: 0, xdata: null });
  want += `E${i}\x006\x00${ROOT}/d\0\0\0`;
  const rename = { oldLoc: { ...s.loc('a'), inode }, newLoc: s.loc('b') };
  await s.t.rename(call, { ...rename, xdata: null });
  await s.t.rename(call, { ...rename, xdata: dictOf({ 'changelog.rename-op': new Uint8Array(50) }) });
  want += `E${i}\x008\x00${ROOT}/a\0${ROOT}/b\0`;
  const names = Buffer.alloc(40 + 4 + 5);
  names[15] = 1;
  names[31] = 1;
  names.writeInt32LE(4, 32);
  names.writeInt32LE(5, 36);
  names.latin1Write('old\0newer\0', 40);
  const unlink = { loc: { ...s.loc('linkto'), inode }, xflags: 0 };
  await s.t.unlink(call, { ...unlink, xdata: dictOf({ 'changelog.rename-op': names }) });
  want += `E${i}\x008\x00${ROOT}/old\0${ROOT}/newer\0`;
  t.equal(s.current, TEXT_HEADER + want);
  t.equal(statSync(join(s.journals, 'CHANGELOG')).mode & 0o777, 0o644);
  await s.t.fini();
});

t.test('whose changes are recorded', async (t) => {
  const fail = () => {
    throw failure(EEXIST);
  };
  const s = await new Setup().start({}, { mkdir: fail });
  const internal = new Dict().setInt('glusterfs-internal-fop', 1).setGfid('gfid-req', s.gfid);
  const inode = s.brick.inode();
  const loc = { ...s.loc('x'), inode };
  await s.create('rebalanced', -3);
  const anonymous = { loc: s.loc('x'), flags: 0, mode: 0, umask: 0, pid: 1, xdata: null };
  await s.t.create(callOf(client), anonymous);
  const mkdir = { loc, mode: 0, umask: 0, xdata: s.gfidReq() };
  t.equal(await errnoOfAttempt(() => s.t.mkdir(callOf(client), mkdir)), EEXIST);
  await s.t.unlink(callOf(client), { loc, xflags: 0, xdata: internal });
  await s.t.mknod(callOf(client), { loc, mode: 0, rdev: 0, umask: 0, xdata: internal });
  t.ok(has(s, ''), 'nothing of all that');
  await s.t.unlink(callOf(client, { pid: -6 }), { loc, xflags: 0, xdata: internal });
  t.ok(s.current.endsWith(`\x005\x00${ROOT}/x\0\0\0`), 'what self-heal removes');
  await s.t.fini();
});

t.test('data and metadata once in a slice', async (t) => {
  const s = await new Setup().start();
  const inode = s.brick.inode();
  const i = gfidText(inode.gfid);
  const call = callOf(client);
  const write = { fd: fdOf(inode, client), offset: 0, size: 3, flags: 0, region: null as never, start: 0, xdata: null };
  const setattr = { inode, stat: statOf({}), valid: 1, xdata: null };
  const setxattr = { inode, dict: dictOf({ 'user.a': '1' }), flags: 0, xdata: null };
  const changes = async () => {
    for (let n = 0; n < 3; n++) {
      await s.t.writev(call, write);
      await s.t.truncate(call, { inode, offset: 0, xdata: null });
      await s.t.setattr(Object.assign(callOf(client), { fop: WIRE.setattr }), setattr);
      await s.t.setxattr(Object.assign(callOf(client), { fop: WIRE.setxattr }), setxattr);
    }
  };
  await changes();
  const want = `D${i}\0M${i}\x0038\0M${i}\x0017\0`;
  t.equal(s.current, TEXT_HEADER + want);
  await s.roll('binary');
  t.same(s.complete, [TEXT_HEADER + want]);
  await changes();
  const gfid = Buffer.from(inode.gfid).latin1Slice();
  const binary = `D${gfid}\0M${gfid}\0\x26\0\0\0\0M${gfid}\0\x11\0\0\0\0`;
  t.equal(s.current, TEXT_HEADER.replace('2\n', '1\n') + binary);
  t.equal(await errnoOfAttempt(() => s.t.setattr(callOf(client), setattr)), 0);
  for (let n = 0; n < 4; n++) {
    await s.t.reconfigure(s.options({ changelog: 'off' }));
    await s.t.reconfigure(s.options());
    await changes();
    t.equal(s.current, TEXT_HEADER + want, 'a slice of a later time is another one');
  }
  await s.t.fini();
});

t.test('every fop that changes data is recorded', async (t) => {
  const stat = statOf({});
  const done = async () => ({ pre: stat, post: stat, xdata: null });
  let count = 0;
  const copyFileRange = async () => ({ count, stat, pre: stat, post: stat, xdata: null });
  const next = { ftruncate: done, fallocate: done, discard: done, zerofill: done, copyFileRange };
  const s = await new Setup().start({}, next);
  const call = callOf(client);
  const source = fdOf(s.brick.inode(), client);
  let want = '';
  const fd = () => {
    const inode = s.brick.inode();
    want += `D${gfidText(inode.gfid)}\0`;
    return fdOf(inode, client);
  };
  const range = { offset: 0, length: 8, xdata: null };
  await s.t.ftruncate(call, { fd: fd(), offset: 0, xdata: null });
  await s.t.fallocate(call, { fd: fd(), flags: 0, ...range });
  await s.t.discard(call, { fd: fd(), ...range });
  await s.t.zerofill(call, { fd: fd(), ...range });
  const copy = { fdIn: source, offsetIn: 0, fdOut: fd(), offsetOut: 0, size: 8, flags: 0, xdata: null };
  await s.t.copyFileRange(call, { ...copy, fdOut: source });
  count = 8;
  await s.t.copyFileRange(call, copy);
  t.equal(s.current, TEXT_HEADER + want);
  await s.t.fini();
});

t.test('what a slice has already waits for no record of others', async (t) => {
  const s = await new Setup().start();
  const inode = s.brick.inode();
  const truncate = () => Promise.resolve(s.t.truncate(callOf(client), { inode, offset: 0, xdata: null }));
  const first = truncate();
  const again = truncate();
  await Promise.race([again, first]);
  t.match(s.current, /\nD/, 'neither is answered before their record is in the file');
  await Promise.all([again, first]);
  let others = 0;
  const create = s.create('other').then(() => others++);
  await truncate();
  t.equal(others, 0);
  await create;
  await s.t.fini();
});

t.test('geo-replication has a file sent once more', async (t) => {
  const s = await new Setup().start();
  const call = Object.assign(callOf(client, { uid: 1, gid: 2 }), { fop: WIRE.setxattr });
  const inode = s.brick.inode();
  inode.parent = s.brick.root;
  inode.name = 'f';
  const ask = (value: string) =>
    errnoOfAttempt(() =>
      s.t.setxattr(call, { inode, dict: dictOf({ 'glusterfs.geo-rep.trigger-sync': value }), flags: 0, xdata: null }),
    );
  t.equal(await ask('2'), EOPNOTSUPP);
  t.equal(await ask('1'), 0);
  const i = gfidText(inode.gfid);
  t.equal(s.current, `${TEXT_HEADER}E${i}\x0023\x0033188\x001\x002\x00${ROOT}/f\0D${i}\0`);
  await s.t.fini();
});

t.test('the path of what is removed', async (t) => {
  const s = await new Setup().start({ 'capture-del-path': 'on' });
  const dir = s.brick.inode(0o040000);
  dir.parent = s.brick.root;
  dir.name = 'dir';
  const inode = s.brick.inode();
  const loc = { inode, parent: dir, name: 'f' };
  await s.t.unlink(callOf(client), { loc, xflags: 0, xdata: null });
  t.match(s.current, /\/f\0dir\/f\0$/);
  const lost = { inode, parent: s.brick.inode(0o040000), name: 'g' };
  await s.t.unlink(callOf(client), { loc: lost, xflags: 0, xdata: null });
  t.match(s.current, /\/g\0\0\0$/, 'not known by its name, nor by a handle');
  await s.t.fini();
});

t.test('the index', async (t) => {
  const s = await new Setup().start();
  await s.roll('binary');
  await s.create('a');
  await s.roll('ascii');
  const { records, name } = s.index;
  t.equal(records.length, 2);
  t.match(records[0], /changelogs\/\d{4}\/\d\d\/\d\d\/changelog\.\d{10}$/, 'an empty slice has no file');
  t.match(records[1], /changelogs\/\d{4}\/\d\d\/\d\d\/CHANGELOG\.\d{10}$/);
  t.ok(Number(records[1]!.slice(-10)) > Number(records[0]!.slice(-10)), 'times rise, however fast slices follow');
  await s.t.reconfigure(s.options({ changelog: 'off' }));
  t.notOk(readdirSync(s.journals).includes('CHANGELOG'), 'none is written while it is off');
  await s.t.reconfigure(s.options());
  t.not(s.index.name, name, 'changes that were not recorded make a new index');
  await s.t.fini();
});

t.test('what an earlier process has left', async (t) => {
  const s = await new Setup().start();
  await s.create('a');
  const whole = s.current;
  await s.t.fini();
  appendFileSync(join(s.journals, 'CHANGELOG'), `E${gfidText(s.gfid)}\x0023\x0033188\x005`);
  const before = s.index;
  appendFileSync(join(s.journals, 'htime', before.name), '/cut/short');
  await s.start();
  t.same(s.complete, [whole], 'a record that is cut short is dropped');
  t.equal(s.index.records.length, 1);
  t.equal(s.current, TEXT_HEADER);
  await s.t.fini();
  // Put away, but not yet in the index.
  const [record] = s.index.records;
  const lost = record!.replace(/\d{10}$/, String(Number(record!.slice(-10)) + 7));
  writeFileSync(lost, whole);
  await s.start();
  t.same(s.index.records[1], lost);
  t.equal(s.index.records.length, 3);
  await s.t.fini();
});

t.test('whole records are told from what is cut short, wherever it is cut', async (t) => {
  for (const encoding of ['ascii', 'binary']) {
    const s = await new Setup().start({ encoding, 'capture-del-path': 'on' });
    const inode = s.brick.inode();
    const call = callOf(client);
    await s.create('a name');
    await s.t.unlink(call, { loc: { ...s.loc('f'), inode }, xflags: 0, xdata: null });
    const stray = { inode, parent: s.brick.inode(0o040000), name: 'g' };
    await s.t.unlink(call, { loc: stray, xflags: 0, xdata: null });
    await s.t.truncate(call, { inode, offset: 0, xdata: null });
    const bytes = Buffer.from(s.current, 'latin1');
    await s.t.fini();
    const ends: number[] = [];
    for (let cut = 0; cut <= bytes.length; cut++) {
      const scanner = new RecordScanner();
      scanner.push(bytes.subarray(0, cut >> 1));
      scanner.push(bytes.subarray(cut >> 1, cut));
      if (ends.at(-1) !== scanner.end) ends.push(scanner.end);
    }
    t.equal(ends.length, 6, `${encoding}: nothing, header, four records`);
    t.equal(ends.at(-1), bytes.length);
    const zeros = new RecordScanner();
    t.notOk(zeros.push(Buffer.concat([bytes, Buffer.alloc(100)])));
    t.equal(zeros.end, bytes.length);
    t.equal(zeros.records, 4);
  }
});

t.test('a snapshot', async (t) => {
  let release = (): void => {};
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  const stat = statOf({ gfid: gfidOf(3) });
  const mkdir = async () => {
    await slow;
    return { stat, preparent: stat, postparent: stat, xdata: null };
  };
  const s = await new Setup().start({}, { mkdir });
  const call = callOf(client);
  const earlier = s.t.mkdir(call, { loc: s.loc('earlier'), mode: 0, umask: 0, xdata: s.gfidReq() });
  const raised = s.t.setBarrier(true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(await state(raised), 'pending', 'a change that has begun is waited for');
  release();
  await raised;
  await earlier;
  t.match(s.complete.at(-1), /earlier/, 'and is in the journal that is complete');
  const held = s.create('held');
  const inode = s.brick.inode();
  await s.t.truncate(call, { inode, offset: 0, xdata: null });
  t.equal(readFileSync(join(s.journals, 'csnap/CHANGELOG.SNAP'), 'latin1'), `${TEXT_HEADER}D${gfidText(inode.gfid)}\0`);
  t.equal(await state(held), 'pending');
  await t.rejects(s.t.setBarrier(true));
  await s.t.setBarrier(false);
  await held;
  t.match(s.current, /held/);
  await t.rejects(s.t.setBarrier(false));
  await s.t.fini();
});

t.test('a snapshot that takes longer than the barrier holds', async (t) => {
  const s = await new Setup().start({ 'changelog-barrier-timeout': '1' });
  const raised = s.t.setBarrier(true);
  await t.rejects(s.t.setBarrier(true), 'one that is asked for while another is being raised');
  await raised;
  await s.create('held');
  t.match(s.current, /held/, 'changes go on after the timeout');
  await t.rejects(s.t.setBarrier(false), 'and who takes the snapshot is told');
  await s.t.setBarrier(true);
  await s.t.setBarrier(false);
  await s.t.fini();
});

t.test('slices of no length are of a second', async (t) => {
  const s = await new Setup().start({ 'rollover-time': '0' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.ok(s.t.dump()[0]!.lines.includes('changelog.rollovers=0'));
  await s.t.fini();
});

/** A consumer: listens where it says. */
class Listener {
  readonly path: string;
  readonly events: Buffer[] = [];
  readonly sequences: number[] = [];
  answers = true;
  #server: Server;
  #sockets: { destroy(): void }[] = [];

  constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      new RpcSocket(
        socket,
        (call, args, from) => {
          const { seq, events } = changelogEventReq.decode(args);
          this.sequences.push(seq);
          for (let at = 0; at < events.length; at += 4104) this.events.push(Buffer.from(events.slice(at, at + 4104)));
          if (!this.answers) return;
          from.send(replyRecord(call.xid, (w) => changelogEventRsp.encode(w, { op_ret: 0, seq })));
        },
        () => {},
      );
    });
  }
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
  }
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function probe(s: Setup, filter: number, sock: string): Promise<number> {
  const socket = connect(join(s.path, `changelog-${addon.xxh64(s.path)}.sock`));
  const rpc = new RpcSocket(
    socket,
    () => {},
    () => {},
  );
  const to = { program: 1885957735, version: 1, procedure: 1 };
  const { op_ret } = await rpc.call(to, changelogProbeReq, { filter, sock }, changelogProbeRsp, 5000);
  socket.destroy();
  return op_ret;
}

async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!what()) {
    if (Date.now() > end) throw new Error(`not within 10 s: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

t.test('consumers are told of what they ask for', async (t) => {
  const s = await new Setup().start();
  const journals = new Listener(join(s.path, 'j'));
  const releases = new Listener(join(s.path, 'r'));
  await journals.listen();
  await releases.listen();
  t.equal(await probe(s, ChangelogEvent.journal, journals.path), 0);
  t.equal(await probe(s, ChangelogEvent.brRelease | ChangelogEvent.release, releases.path), 0);
  t.equal(await probe(s, ChangelogEvent.journal, 'no/path'), -1);
  await s.create('a');
  await s.roll('binary');
  await until(() => journals.events.length === 1);
  t.equal(journals.events[0]!.readUInt32LE(0), 1);
  t.equal(journals.events[0]!.latin1Slice(8).replace(/\0+$/, ''), s.index.records[0]);
  const call = s.brick.ownCall();
  const event = brReleaseEvent(7, s.gfid, 2);
  await s.t.ipc(call, { op: IPC_CHANGELOG, xdata: dictOf({ 'RELEASE-EVENT': event }) });
  s.t.release(fdOf(s.brick.inode(), client));
  await until(() => releases.events.length === 2);
  t.same(releases.events[0], Buffer.from(event));
  t.equal(releases.events[1]!.readUInt32LE(0), 8);
  t.equal(journals.events.length, 1);
  for (let n = 0; n < 200; n++) s.t.release(fdOf(s.brick.inode(), client));
  await until(() => releases.events.length === 202);
  t.same(
    releases.sequences,
    releases.sequences.map((_, i) => i + 1),
  );
  // They come and go.
  for (let n = 0; n < 100; n++) {
    const brief = new Listener(join(s.path, `b${n}`));
    await brief.listen();
    t.equal(await probe(s, ChangelogEvent.journal, brief.path), 0);
    if (n % 3 === 0) await s.create(`n${n}`);
    if (n % 10 === 0) await s.roll(n % 20 === 0 ? 'ascii' : 'binary');
    brief.close();
  }
  await until(() => s.t.dump()[0]!.lines.includes('changelog.consumers=2'));
  await until(() => journals.events.length === s.complete.length);
  journals.close();
  releases.close();
  await s.t.fini();
});

t.test('consumers that misbehave', async (t) => {
  const s = await new Setup().start();
  const socket = join(s.path, `changelog-${addon.xxh64(s.path)}.sock`);
  t.equal(statSync(socket).mode & 0o777, 0o600);
  const garbage = connect(socket);
  garbage.on('error', () => {});
  garbage.write(Buffer.alloc(64, 0xff));
  await new Promise((resolve) => garbage.once('close', resolve));
  const cut = new RpcSocket(
    connect(socket),
    () => {},
    () => {},
  );
  const to = { program: 1885957735, version: 1, procedure: 1 };
  await t.rejects(cut.call(to, struct('short', { filter: u32 }), { filter: 1 }, changelogProbeRsp, 5000), /refused/);
  cut.socket.destroy();
  t.equal(await probe(s, ChangelogEvent.journal, join(s.path, 'nobody')), 0, 'is not there');
  const silent = new Listener(join(s.path, 'silent'));
  silent.answers = false;
  await silent.listen();
  t.equal(await probe(s, ChangelogEvent.release, silent.path), 0);
  const fd = fdOf(s.brick.inode(), client);
  s.t.release(fd);
  await until(() => silent.events.length === 1);
  for (let n = 0; n < 65_536; n++) s.t.release(fd);
  t.ok(s.t.dump()[0]!.lines.includes('changelog.consumers=0'), 'is given up when too much waits for it');
  silent.close();
  const remote = new FakeClient();
  Object.assign(remote, { memory: { take() {}, give() {} } });
  s.t.next.ipc = () => {
    throw failure(EOPNOTSUPP);
  };
  const forged = { op: IPC_CHANGELOG, xdata: dictOf({ e: brReleaseEvent(1, s.gfid, 0) }) };
  t.equal(await errnoOfAttempt(() => s.t.ipc(callOf(remote), forged)), EOPNOTSUPP, 'clients send no events');
  await s.t.fini();
  t.notOk(readdirSync(s.path).some((name) => name.endsWith('.sock')));
});

t.test('many changes at a time are written together, in order', async (t) => {
  const s = await new Setup().start();
  const all: Promise<unknown>[] = [];
  for (let n = 0; n < 5000; n++) all.push(s.create(`f${n}`));
  await Promise.all(all);
  const names = [...s.current.matchAll(/\/(f\d+)\0/g)].map((m) => m[1]);
  t.same(
    names,
    names.map((_, n) => `f${n}`),
  );
  t.equal(names.length, 5000);
  await s.t.fini();
});

t.test('changes of one name are made and recorded one after the other', async (t) => {
  const stat = statOf({ gfid: gfidOf(3) });
  const going: { what: string; end: () => void }[] = [];
  const slowly = (what: string) => () =>
    new Promise<never>((resolve) => {
      going.push({ what, end: () => resolve({ stat, preparent: stat, postparent: stat, xdata: null } as never) });
    });
  const s = await new Setup().start({}, { mkdir: slowly('mkdir'), unlink: slowly('unlink'), rename: slowly('rename') });
  const call = callOf(client);
  const inode = s.brick.inode(0o040000);
  const mkdir = (name: string) => s.t.mkdir(call, { loc: s.loc(name), mode: 0, umask: 0, xdata: s.gfidReq() });
  const all = [
    s.t.unlink(call, { loc: { ...s.loc('a'), inode }, xflags: 0, xdata: null }),
    mkdir('a'),
    mkdir('b'),
    s.t.rename(call, { oldLoc: { ...s.loc('a'), inode }, newLoc: s.loc('b'), xdata: null }),
    mkdir('a'),
  ];
  const end = async (what: string) => {
    going
      .splice(
        going.findIndex((g) => g.what === what),
        1,
      )[0]!
      .end();
    await new Promise((resolve) => setImmediate(resolve));
  };
  t.same(
    going.map((g) => g.what),
    ['unlink', 'mkdir'],
  );
  await end('mkdir');
  t.same(
    going.map((g) => g.what),
    ['unlink'],
    'the rename waits for both of its names',
  );
  for (const what of ['unlink', 'mkdir', 'rename', 'mkdir']) {
    await until(() => going.length === 1);
    await end(what);
  }
  await Promise.all(all);
  const fops = s.current.split('\n')[1]!.match(/E[-0-9a-f]{36}.(\d)/gs)!;
  t.equal(fops.map((r) => r.at(-1)).join(''), '45484', 'mkdir b, unlink a, mkdir a, rename, mkdir a');
  await s.t.fini();
});

t.test('changes go on while slices end', async (t) => {
  const s = await new Setup().start();
  let made = 0;
  let going = true;
  const changes = (async () => {
    while (going) await Promise.all([s.create(`f${made++}`), s.create(`f${made++}`)]);
  })();
  for (let n = 0; n < 6; n++) await s.roll(n % 2 === 0 ? 'binary' : 'ascii');
  going = false;
  await changes;
  const text = [...s.complete, s.current].join('');
  t.equal(new Set(text.match(/\/f\d+\0/g)).size, made, 'none is missing');
  for (const journal of [...s.complete, s.current]) {
    const scanner = new RecordScanner();
    scanner.push(Buffer.from(journal, 'latin1'));
    t.equal(scanner.end, journal.length, 'each has whole records in one encoding');
  }
  await s.t.fini();
});

/** Has writes to journals fail as on a full disk while it is full. */
function fullDisk(t: Test): { full: boolean } {
  const disk = { full: false };
  const device = openSync('/dev/full', 'w');
  const { pwrite } = Batch.prototype;
  Batch.prototype.pwrite = function (this: Batch, fd, ...rest) {
    return pwrite.call(this, disk.full ? device : fd, ...rest);
  };
  t.teardown(() => {
    Batch.prototype.pwrite = pwrite;
    closeSync(device);
  });
  return disk;
}

t.test('a full disk', async (t) => {
  const disk = fullDisk(t);
  const s = await new Setup().start();
  await s.create('before');
  disk.full = true;
  await s.create('kept1');
  await s.create('kept2');
  t.notMatch(s.current, /kept/, 'changes go on');
  disk.full = false;
  await until(() => s.current.includes('kept2'));
  await s.create('after');
  t.match(s.current.replaceAll('\0', ' '), /\/before .*\/kept1 .*\/kept2 .*\/after /);
  disk.full = true;
  await t.rejects(s.roll('binary'), /no new journal can be begun/);
  await s.create('in the old encoding');
  disk.full = false;
  await until(() => s.current.includes('in the old encoding'));
  const { name } = s.index;
  disk.full = true;
  for (let n = 0; n < 50; n++) await Promise.all(Array.from({ length: 1000 }, (_, i) => s.create(`n${n}.${i}`)));
  disk.full = false;
  await until(() => s.current.includes('/n0.0\0'));
  await s.roll('binary');
  t.not(s.index.name, name, 'what was lost makes a new index');
  await s.t.fini();
});

t.test('a disk that is full when the brick starts', async (t) => {
  const disk = fullDisk(t);
  disk.full = true;
  const s = await new Setup().start();
  await s.create('unseen');
  disk.full = false;
  await until(() => readdirSync(s.journals).includes('CHANGELOG'));
  await until(() => s.t.dump()[0]!.lines.includes('changelog.active=1'));
  await s.create('seen');
  t.match(s.current, /\/seen/);
  await s.t.fini();
});

t.test('nothing is paid while it is off', async (t) => {
  const s = await new Setup().start({ changelog: 'off' });
  for (const fop of ['create', 'writev', 'setattr', 'open', 'unlink'] as const) t.notOk(s.t.wants(fop), fop);
  t.same(readdirSync(s.path), ['changelogs']);
  await s.t.fini();
});
