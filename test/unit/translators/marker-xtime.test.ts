import { existsSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Options } from '../../../brickd/translators/features/marker/options.js';
import { ChangeTimes, VOLUME_MARK } from '../../../brickd/translators/features/marker/xtime/change-times.js';
import { DELAY_MS, Marks } from '../../../brickd/translators/features/marker/xtime/marks.js';
import { setLogSink } from '../../../mux/base/log.js';
import { type Call, ClientPid } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Fops, LookupReply, SetxattrArgs } from '../../../mux/xlator/fops.js';
import { gfidKey, gfidText } from '../../../mux/xlator/gfid.js';
import { Inode } from '../../../mux/xlator/inode.js';
import { EINVAL, EIO, ENOENT, ENOSPC, EPERM } from '../../../native/errno.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, lower, state, statOf } from './harness.js';

const lines: string[] = [];
setLogSink({ wants: (severity) => severity <= 5, write: (line) => lines.push(line.text) });

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const UUID = '0a0b0c0d-1111-2222-3333-444455556666';
const KEY = `trusted.glusterfs.${UUID}.xtime`;
const client = new FakeClient();
const call = callOf(client);
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const OFF: Options = {
  'volume-uuid': UUID,
  'timestamp-file': '/no/such/file',
  quota: false,
  'inode-quota': false,
  xtime: false,
  'gsync-force-xtime': false,
  'quota-version': 0,
};

/** root/a/b/file, and a disk that notes which inodes get which marks. */
function setup(fops: Partial<Fops> = {}) {
  const brick = new FakeBrick();
  brick.root.type = S_IFDIR;
  const put = (parent: Inode | null, type: number, name: string): Inode => {
    const inode = brick.inode(type);
    inode.parent = parent;
    inode.name = name;
    return inode;
  };
  const a = put(brick.root, S_IFDIR, 'a');
  const b = put(a, S_IFDIR, 'b');
  const file = put(b, S_IFREG, 'file');
  const names = new Map<Inode, string>([
    [brick.root, '/'],
    [a, 'a'],
    [b, 'b'],
    [file, 'file'],
  ]);
  const marks: { inode: string; at: bigint }[] = [];
  const failing = new Map<Inode, number>();
  const below: Partial<Fops> = {
    setxattr: (_call: Call, { inode, dict, xdata }: SetxattrArgs) => {
      const errno = failing.get(inode) ?? 0;
      if (errno !== 0) throw failure(errno);
      t.strictSame([...dict.map.keys()], [KEY]);
      t.ok(xdata?.has('glusterfs-internal-fop'), 'may use the reserve');
      t.ok(inode.refs > 0, 'is held until it is marked');
      const bytes = Buffer.from(dict.bytes(KEY) ?? []);
      t.equal(bytes.length, 8);
      const at = BigInt(bytes.readUInt32BE(0)) * 1_000_000n + BigInt(bytes.readUInt32BE(4));
      marks.push({ inode: names.get(inode) ?? gfidText(inode.gfid), at });
      return { xdata: null };
    },
    ...fops,
  };
  const layer = new ChangeTimes({ name: 'v-marker', type: 'features/marker', options: OFF, brick, slot: 0 });
  const asked: { fop: string; args: unknown }[] = [];
  layer.next = lower(below, asked);
  const marked = (): string[] => marks.map((mark) => mark.inode);
  return { brick, layer, put, names, a, b, file, marks, marked, failing, asked };
}

function marksOf(over: Partial<Fops> = {}) {
  const rig = setup(over);
  const holes: number[] = [];
  const log = { error: (_: number, text: string) => lines.push(text), warning() {}, info() {}, debug() {} };
  const marks = new Marks(rig.layer, log, KEY, async (errno) => void holes.push(errno));
  return { ...rig, index: marks, holes };
}

t.test('a change marks its file and all directories above, the root last, with one time', async (t) => {
  const { index, file, marks, marked, brick } = marksOf();
  const before = BigInt(Date.now()) * 1000n;
  index.add(file, null);
  t.equal(marked().length, 0, 'after the fop');
  await after(DELAY_MS * 5);
  t.strictSame(marked(), ['file', 'b', 'a', '/']);
  t.equal(new Set(marks.map((mark) => mark.at)).size, 1);
  t.ok((marks[0]?.at ?? 0n) >= before && (marks[0]?.at ?? 0n) <= BigInt(Date.now()) * 1000n + 1000n);
  t.equal(file.refs + brick.root.refs, 0, 'nothing is held any more');
  t.equal(index.written, 4);
});

t.test('changes of a short time share the marks of their directories', async (t) => {
  const { index, put, a, b, marked } = marksOf();
  for (let i = 0; i < 500; i++) {
    const inode = put(i % 2 === 0 ? a : b, S_IFREG, `f${i}`);
    for (let j = 0; j < 4; j++) index.add(inode, null);
  }
  await index.flush();
  t.equal(marked().length, 503);
  t.strictSame(marked().slice(-3), ['b', 'a', '/']);
});

t.test('a file with several names is marked in all of its directories', async (t) => {
  const { index, put, brick, file, names, marked } = marksOf();
  const c = put(brick.root, S_IFDIR, 'c');
  names.set(c, 'c');
  file.aliases = [{ parent: c, name: 'link' }];
  index.add(file, null);
  await index.flush();
  t.strictSame(marked(), ['file', 'b', 'a', 'c', '/']);
});

t.test('a later round has a later time, though the clock goes back', async (t) => {
  const { index, file, marks, b, marked } = marksOf();
  index.add(file, null);
  await index.flush();
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
  t.teardown(() => {
    Date.now = now;
  });
  index.add(b, null);
  await index.flush();
  t.strictSame(marked().slice(4), ['b', 'a', '/']);
  t.ok((marks[4]?.at ?? 0n) > (marks[0]?.at ?? 0n));
});

t.test('changes during a round are marked by the next one', async (t) => {
  const held: (() => void)[] = [];
  const order: string[] = [];
  const rig = marksOf({
    setxattr: (_c, { inode }) => {
      order.push(inode.name);
      return new Promise((resolve) => held.push(() => resolve({ xdata: null })));
    },
  });
  rig.index.add(rig.file, null);
  const first = rig.index.flush();
  await state(first);
  rig.index.add(rig.file, null);
  rig.index.add(rig.a, null);
  while ((await state(first)) === 'pending') for (const go of held.splice(0)) go();
  t.strictSame(order, ['file', 'b', 'a', '', 'file', 'b', 'a', '']);
  t.equal(rig.index.waiting, 0);
});

t.test('an inode that is known by gfid alone is found on disk', async (t) => {
  let lookups = 0;
  let place: Inode | null = null;
  const rig: ReturnType<typeof marksOf> = marksOf({
    lookup: (_c, { loc, gfid }): LookupReply => {
      lookups++;
      if (loc.name === '..') {
        t.equal(loc.parent, rig.b);
        return { stat: statOf({ gfid: rig.a.gfid, mode: S_IFDIR }), postparent: statOf({}), xdata: null };
      }
      t.strictSame(gfid, rig.file.gfid);
      const xdata = new Dict().setText('trusted.gfid2path.0123', `${gfidText((place ?? rig.b).gfid)}/file`);
      return { stat: statOf({ gfid: rig.file.gfid, mode: S_IFREG }), postparent: statOf({}), xdata };
    },
  });
  rig.file.parent = null;
  rig.b.parent = null;
  rig.index.add(rig.file, null);
  await rig.index.flush();
  t.strictSame(rig.marked(), ['file', 'b', 'a', '/']);
  rig.index.add(rig.file, null);
  await rig.index.flush();
  t.strictSame(rig.marked().slice(4), ['file', 'b', 'a', '/']);
  t.equal(lookups, 2, 'once each');

  t.comment('it moves, and is forgotten under its new name');
  place = rig.a;
  rig.index.add(rig.file, rig.b);
  rig.index.add(rig.file, rig.a);
  await rig.index.flush();
  rig.marks.length = 0;
  rig.index.add(rig.file, null);
  await rig.index.flush();
  t.strictSame(rig.marked(), ['file', 'a', '/']);
});

t.test('what is gone is no failure, and what was above it is marked', async (t) => {
  const rig = marksOf({
    lookup: () => {
      throw failure(ENOENT);
    },
  });
  lines.length = 0;
  rig.failing.set(rig.file, ENOENT);
  rig.index.add(rig.file, rig.b);
  const orphan = rig.put(null, S_IFREG, 'orphan');
  rig.names.set(orphan, 'orphan');
  rig.index.add(orphan, null);
  await rig.index.flush();
  t.strictSame(rig.marked(), ['orphan', 'b', 'a', '/']);
  t.strictSame([rig.index.failed, lines.length], [0, 0]);
});

t.test('a full disk is told once, other failures by inode', async (t) => {
  const rig = marksOf();
  lines.length = 0;
  rig.failing.set(rig.file, ENOSPC).set(rig.b, ENOSPC).set(rig.a, EIO);
  rig.index.add(rig.file, null);
  await rig.index.flush();
  t.strictSame(rig.marked(), ['/']);
  t.strictSame(rig.holes, [ENOSPC]);
  t.equal(rig.index.failed, 3);
  t.strictSame(lines, [
    '/a/b/file: the mark of its change could not be written',
    '/a: the mark of its change could not be written',
  ]);
});

t.test('changes wait when too many marks do', async (t) => {
  const { index, b, brick } = marksOf({ setxattr: async () => ({ xdata: null }) });
  t.equal(index.full, null);
  for (let i = 0; i < 65536; i++) {
    const gfid = Uint8Array.from([9, i >> 8, i & 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
    const inode = new Inode(gfid, gfidKey(gfid));
    inode.type = S_IFREG;
    index.add(inode, b);
  }
  const { full } = index;
  t.ok(full instanceof Promise);
  await full;
  t.equal(index.full, null);
  t.equal(index.written, 65536 + 3);
  t.equal(brick.root.refs, 0);
});

// --- the part of the translator ----------------------------------------------------------------------------------------

async function timesOf(dir: string, over: Partial<Options> = {}, fops: Partial<Fops> = {}) {
  const rig = setup(fops);
  const stamp = join(dir, 'marker.tstamp');
  writeFileSync(stamp, '');
  const options: Options = { ...OFF, xtime: true, 'timestamp-file': stamp, ...over };
  await rig.layer.reconfigure(options);
  return { ...rig, times: rig.layer, stamp, options };
}

const fopsOf = (times: ChangeTimes): Fops => times as unknown as Fops;
const SET = (inode: Inode) => ({ inode, stat: statOf({}), valid: 1, xdata: null });
const from = (pid: number) => callOf(client, { pid });

t.test('which fops mark what', async (t) => {
  const rig = await timesOf(t.testdir());
  const { times, a, b, file, put, names, marked, brick, marks } = rig;
  const c = put(brick.root, S_IFDIR, 'c');
  names.set(c, 'c');
  const made = brick.inode(S_IFREG);
  names.set(made, 'made');
  const fd = fdOf(file, client);
  const stat = statOf({ gfid: made.gfid, mode: S_IFREG });
  const step = async (run: () => unknown, want: string[]) => {
    run();
    await times.fini();
    t.strictSame(marked(), want);
    marks.length = 0;
  };
  const loc = (inode: Inode | null, parent: Inode) => ({ inode, parent, name: 'x' });
  const fop = times.changed.bind(times) as (fop: string, call: Call, args: unknown, reply: unknown) => unknown;
  for (const name of ['create', 'mknod', 'mkdir', 'symlink']) {
    await step(() => fop(name, call, { loc: loc(null, a) }, { stat }), ['made', 'a', '/']);
  }
  await step(() => fop('link', call, { inode: file, newLoc: loc(null, c) }, {}), ['file', 'c', '/']);
  await step(() => fop('unlink', call, { loc: loc(file, c) }, {}), ['file', 'c', '/']);
  await step(() => fop('rmdir', call, { loc: loc(b, a) }, {}), ['a', '/']);
  await step(
    () => fop('rename', call, { oldLoc: loc(file, b), newLoc: loc(null, c) }, { stat }),
    ['file', 'b', 'a', 'c', '/'],
  );
  for (const name of [
    'writev',
    'ftruncate',
    'fallocate',
    'discard',
    'zerofill',
    'fsetattr',
    'fsetxattr',
    'fremovexattr',
  ]) {
    await step(() => fop(name, call, { fd }, {}), ['file', 'b', 'a', '/']);
  }
  for (const name of ['truncate', 'setattr', 'setxattr', 'removexattr']) {
    await step(() => fop(name, call, { inode: b }, {}), ['b', 'a', '/']);
  }
  await step(() => fop('copyFileRange', call, { fdIn: null, fdOut: fd }, {}), ['file', 'b', 'a', '/']);
  await step(() => fop('open', call, { inode: file, flags: 0o1002 }, {}), ['file', 'b', 'a', '/']);
  await step(() => fop('open', call, { inode: file, flags: 2 }, {}), []);
});

t.test(
  'changes that geo-replication itself makes are not marked unless that is asked for; rebalance never',
  async (t) => {
    const { times, file, marked, options } = await timesOf(t.testdir());
    const write = async (pid: number) => {
      await fopsOf(times).setattr(from(pid), SET(file));
      await times.fini();
      return marked().length;
    };
    t.equal(await write(ClientPid.gsyncd), 0);
    t.equal(await write(ClientPid.defrag), 0);
    t.equal(await write(ClientPid.selfHeald), 4);
    await times.reconfigure({ ...options, 'gsync-force-xtime': true });
    t.equal(await write(ClientPid.gsyncd), 8);
    t.equal(await write(ClientPid.defrag), 8);
    await times.reconfigure({ ...options, xtime: false });
    t.equal(await write(0), 8);
  },
);

t.test('what waits is marked when it is switched off', async (t) => {
  const { times, file, marked, options } = await timesOf(t.testdir());
  await fopsOf(times).setattr(call, SET(file));
  await times.reconfigure({ ...options, xtime: false });
  t.strictSame(marked(), ['file', 'b', 'a', '/']);
  t.strictSame(times.dump(), []);
});

t.test('options that it cannot work with are refused by name', async (t) => {
  const { times, options } = await timesOf(t.testdir());
  await t.rejects(times.reconfigure({ ...options, 'volume-uuid': undefined }), /volume-uuid/);
  await t.rejects(times.reconfigure({ ...options, 'volume-uuid': 'x' }), /volume-uuid: "x" is no uuid/);
  await t.rejects(times.reconfigure({ ...options, 'timestamp-file': undefined }), /timestamp-file/);
  t.ok(times.options.xtime && times.dump().length === 1, 'the old ones stay');
});

t.test("the volume's mark", async (t) => {
  const { times, stamp, options, asked } = await timesOf(t.testdir());
  const gsyncd = from(ClientPid.gsyncd);
  const NAME = VOLUME_MARK;
  utimesSync(stamp, 1_700_000_001.25, 1_700_000_001.25);
  const get = async (who: Call, name: string) =>
    await times.getxattr(who, { inode: times.brick.root, name, xdata: null });
  const told = async () => Buffer.from((await get(gsyncd, NAME)).dict?.bytes(NAME) ?? []).toString('hex');
  t.equal(await told(), `0100${UUID.replaceAll('-', '')}00${(1_700_000_001).toString(16)}0003d090`);
  t.equal((await get(gsyncd, NAME)).ret, 0);
  t.equal(asked.length, 0);
  await get(call, NAME);
  await get(gsyncd, `${NAME}.x`);
  t.strictSame(
    asked.splice(0).map(({ args }) => (args as { name: string }).name),
    [NAME, `${NAME}.x`],
    'are passed on',
  );

  const reset = (who: Call, value: string | Uint8Array) =>
    errnoOfAttempt(() =>
      times.setxattr(who, { inode: times.brick.root, dict: dictOf({ [NAME]: value }), flags: 0, xdata: null }),
    );
  t.equal(await reset(call, 'RESET'), EPERM);
  t.equal(await reset(gsyncd, 'RESETS'), EINVAL);
  t.equal(Math.floor(statSync(stamp).mtimeMs / 1000), 1_700_000_001);
  t.equal(await reset(gsyncd, Buffer.from('RESET')), 0);
  t.ok(Date.now() - statSync(stamp).mtimeMs < 10_000);
  utimesSync(stamp, 5, 5);
  t.equal(await reset(gsyncd, Buffer.alloc(0)), 0);
  t.ok(Date.now() - statSync(stamp).mtimeMs < 10_000);

  await times.reconfigure({ ...options, 'timestamp-file': '/no/such/file' });
  t.equal(await told(), `0100${UUID.replaceAll('-', '')}010000000000000000`);
  t.equal(await reset(gsyncd, Buffer.from('RESET')), 0, 'nothing to reset');
  t.notOk(existsSync('/no/such/file'));

  await times.reconfigure({ ...options, xtime: false, quota: true });
  t.ok(times.wants('setxattr') && !times.wants('writev'));
  t.equal(await reset(call, 'RESET'), EPERM, 'while quota is on, too');
  await times.reconfigure({ ...options, xtime: false });
  t.notOk(times.wants('setxattr'));
  t.equal(asked.length, 0, 'no command is passed on');
});

t.test("a mark that finds the disk full removes the volume's mark", async (t) => {
  const { times, stamp, file, failing } = await timesOf(t.testdir());
  lines.length = 0;
  failing.set(file, ENOSPC);
  await fopsOf(times).setattr(call, SET(file));
  await times.fini();
  t.notOk(existsSync(stamp));
  t.match(lines.join('\n'), /marks of changes are missing \(ENOSPC\)/);
  t.strictSame(times.dump()[0]?.lines, ['waiting=0', 'written=3', 'failed=1']);
});
