/** Profiles, lists of the busiest files, dumps: what io-stats counts and how it tells. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { optionTableOf } from '../../../brickd/translators/catalog.js';
import { Activity, BusyFiles } from '../../../brickd/translators/debug/io-stats/busy-files.js';
import { IoStatsTranslator } from '../../../brickd/translators/debug/io-stats/io-stats.js';
import { PeriodicDump } from '../../../brickd/translators/debug/io-stats/periodic-dump.js';
import { setLogSink } from '../../../mux/base/log.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { CreateReply, Fops } from '../../../mux/xlator/fops.js';
import { Fd, type Inode } from '../../../mux/xlator/inode.js';
import { bytesOfText } from '../../../native/bytes.js';
import { EIO } from '../../../native/errno.js';
import { measureThroughput } from '../../../posix/brick-dir/throughput.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, gfidOf, lower, state, statOf } from './harness.js';

const client = new FakeClient();
const call = callOf(client);
const READ = 12;
const ON = { 'latency-measurement': 'on', 'count-fop-hits': 'on' };

function setup(given: Record<string, string> = {}, next: Partial<Fops> = {}) {
  const brick = new FakeBrick();
  const texts = new Map(Object.entries(given).map(([key, value]) => [key, { value, line: 1 }]));
  const { values } = parseOptions(optionTableOf('debug/io-stats')!, { name: 'v', line: 1, options: texts });
  const stats = new IoStatsTranslator({
    name: '/brick',
    type: 'debug/io-stats',
    options: values as never,
    brick,
    slot: 0,
  });
  stats.next = lower(next);
  const named = (name: string, parent = brick.root): Inode => Object.assign(brick.inode(), { parent, name });
  const ask = (input: Record<string, string>) => stats.profile(new Map(Object.entries(input)));
  const top = (op: number, count = 10) => {
    const values = ask({ 'top-op': String(op), 'list-cnt': String(count) });
    return Array.from({ length: Number(values.get('members')) }, (_, i) => [
      values.get(`filename-${i + 1}`),
      values.get(`value-${i + 1}`),
    ]);
  };
  return { stats, f: stats as unknown as Fops, brick, named, ask, top };
}

const bytes = (count: number) => ({ count, errno: 0, stat: undefined as never, region: null, xdata: null });

t.test('profiles', async (t) => {
  const next = {
    readv: () => Promise.resolve(bytes(5000)),
    stat: () => {
      throw failure(EIO);
    },
  };
  const { stats, f, named, ask } = setup(ON, next);
  const inode = named('f');
  const fd = fdOf(inode, client);
  await f.readv(call, { fd, offset: 0, size: 1, flags: 0, xdata: null });
  await errnoOfAttempt(() => f.stat(call, { inode, xdata: null }));
  stats.release(fd);
  stats.release(new Fd(inode, 0, client, 1, true));
  stats.forget(inode);
  await state(null);
  const peek = ask({ 'info-op': '1', peek: '1' });
  for (const i of [-1, 0]) {
    t.equal(peek.get(`${i}-${READ}-hits`), 1);
    t.equal(peek.get(`${i}-1-hits`), 1, 'failing requests count');
    t.equal(peek.get(`${i}-42-hits`), 1, 'releases, but not those of anonymous fds');
    t.equal(peek.get(`${i}-41-hits`), undefined, 'what was never opened is not counted when it is forgotten');
    t.equal(peek.get(`${i}-read-4096`), 1);
    t.equal(peek.get(`${i}-total-read`), 5000);
    t.match(peek.get(`${i}-${READ}-avglatency`), /^\d+\.\d{6}$/);
  }
  t.equal(peek.get('interval'), 0);
  ask({ 'info-op': '2' });
  const after = ask({ 'info-op': '1' });
  t.equal(after.get('interval'), 1);
  t.equal(after.get(`1-${READ}-hits`), undefined);
  t.equal(after.get(`-1-${READ}-hits`), 1);
  t.match(stats.dump()[0]!.lines.join('\n'), /^\/brick\.cumulative\.READ=1,\d+,/m);
  t.equal(ask({ 'info-op': '4' }).get('stats-cleared'), 1);
  t.equal(ask({}).get(`-1-${READ}-hits`), undefined);
});

t.test('without a profile, sizes, releases and files are counted all the same', async (t) => {
  let count = 100;
  const { stats, f, named, ask } = setup({}, { readv: () => bytes(count) });
  t.ok(stats.wants('readv') && stats.wants('writev') && stats.wants('open'));
  t.notOk(stats.wants('lookup') || stats.wants('fsync'), 'other fops go past');
  const inode = named('f');
  const fd = fdOf(inode, client);
  await f.open(call, { inode, fd, flags: 2, xdata: null });
  await f.readv(call, { fd, offset: 0, size: 100, flags: 0, xdata: null });
  count = 0;
  await f.readv(call, { fd, offset: 0, size: 100, flags: 0, xdata: null });
  await f.writev(call, { fd, offset: 0, size: 7, flags: 0, region: null as never, start: 0, xdata: null });
  stats.release(fd);
  stats.forget(inode);
  const values = ask({ 'info-op': '3' });
  t.equal(values.get('-1-total-read'), 100);
  t.equal(values.get('-1-total-write'), 7);
  t.equal(values.get('-1-read-64'), 1);
  t.equal(values.get('-1-read-1'), undefined, 'a read at the end of the file has no size');
  t.equal(values.get('-1-write-4'), 1);
  t.equal(values.get('-1-42-hits'), 1);
  t.equal(values.get('-1-41-hits'), 1);
  t.equal(values.get(`-1-${READ}-hits`), undefined);
});

t.test('fops that still come by old links when a profile ends', async (t) => {
  const { stats, f, named, ask } = setup(ON, { stat: () => ({ stat: statOf({ size: 5 }), xdata: null }) });
  await stats.reconfigure({ ...stats.options, 'count-fop-hits': false });
  const { stat } = await f.stat(call, { inode: named('f'), xdata: null });
  t.equal(stat.size, 5);
  t.equal(ask({ 'info-op': '3' }).get('-1-1-hits'), undefined);
});

t.test('the busiest files', async (t) => {
  const { stats, f, brick, named, ask, top } = setup({}, { readv: () => bytes(1) });
  const dir = named('dir');
  const [a, b, never] = [named('a', dir), named('b'), named('never')];
  const read = (fd: Fd) => f.readv(call, { fd, offset: 0, size: 1, flags: 0, xdata: null });
  for (const inode of [a, b, b]) await f.open(call, { inode, fd: fdOf(inode, client), flags: 2, xdata: null });
  for (let i = 0; i < 3; i++) await read(fdOf(a, client));
  await read(new Fd(b, 0, client, 1, true));
  await read(new Fd(never, 0, client, 1, true));
  t.strictSame(top(1), [
    ['/b', 2],
    ['/dir/a', 1],
  ]);
  t.strictSame(
    top(2),
    [
      ['/dir/a', 3],
      ['/b', 1],
    ],
    'files that were never opened are in no list',
  );
  t.strictSame(top(2, 1), [['/dir/a', 3]]);
  t.strictSame(top(3), []);
  const open = ask({ 'top-op': '1' });
  t.equal(open.get('current-open'), 3);
  t.equal(open.get('max-open'), 3);
  t.match(open.get('max-openfd-time'), /^20\d\d-\d\d-\d\d .* \+0000$/);
  t.equal(open.has('members'), false, 'no list was asked for');
  t.strictSame(
    top(6)
      .map(([name]) => name)
      .sort(),
    ['/b', '/dir/a'],
    'of unknown speed',
  );
  stats.forget(a);
  t.strictSame(
    top(2),
    [
      ['/dir/a', 3],
      ['/b', 1],
    ],
    'what is forgotten stays in the lists',
  );
  t.equal(ask({ 'clear-stats': 'true' }).get('stats-cleared'), 1);
  t.strictSame(top(2), []);
  await read(fdOf(b, client));
  t.strictSame(top(2), [['/b', 2]], 'counts go on after the lists were cleared');
  t.strictSame(top(1), []);
  t.equal(brick.inodes.get(b.key)!.ctx.length, 1);
});

t.test('files and directories that are made', async (t) => {
  const made = { stat: statOf({ gfid: gfidOf(500) }), preparent: undefined as never, postparent: undefined as never };
  let bound: Fd | null = null;
  const create = (): CreateReply => ({ ...made, xdata: null, bind: (fd) => void (bound = fd), abandon() {} });
  const { f, brick, named, top } = setup({}, { create, mkdir: () => Promise.resolve({ ...made, xdata: null }) });
  const args = { mode: 0o644, umask: 0, flags: 2, pid: 1, xdata: null };
  const reply = await f.create(call, { loc: { inode: null, parent: brick.root, name: 'new' }, ...args });
  const file = named('new');
  const fd = fdOf(file, client);
  reply.bind(fd);
  t.equal(bound, fd);
  await f.writev(call, { fd, offset: 0, size: 7, flags: 0, region: null as never, start: 0, xdata: null });
  t.strictSame(top(3), [['/new', 1]]);
  t.strictSame(top(1), [], 'creating is not opening');
  await f.mkdir(call, { loc: { inode: null, parent: brick.root, name: 'd' }, mode: 0o755, umask: 0, xdata: null });
  const dir = brick.findInode(brick.adoptInode(gfidOf(500), 0).key)!;
  for (const inode of [dir, brick.root]) await f.opendir(call, { inode, fd: fdOf(inode, client), xdata: null });
  t.strictSame(top(4), [['/d', 1]]);
});

t.test('counters of many files', (t) => {
  const brick = new FakeBrick();
  const files = new BusyFiles(0);
  const inodes: Inode[] = [];
  for (let i = 0; i < 3000; i++) {
    const inode = Object.assign(brick.inode(), { parent: brick.root, name: `f${i}` });
    inodes.push(inode);
    files.add(inode);
    for (let n = 0; n <= i % 300; n++) files.count(inode, Activity.read);
  }
  const before = files.top(Activity.read, 30).map((m) => m.value);
  t.strictSame(before.slice(0, 11), [...new Array(10).fill(300), 299]);
  for (const inode of inodes) files.forget(inode);
  t.equal(files.size, 0);
  t.strictSame(
    files.top(Activity.read, 30).map((m) => m.value),
    before,
    'the best of the forgotten are kept',
  );
  t.equal(files.top(Activity.read, 1000).length, 100);
  const again = inodes[5]!;
  files.add(again);
  files.count(again, Activity.write);
  t.strictSame(
    files.top(Activity.write, 5).map((m) => [m.path, m.value]),
    [['/f5', 1]],
    'nothing old is left in its place',
  );
  t.end();
});

t.test('speeds', async (t) => {
  const { f, named, top, ask } = setup(ON, { readv: () => Promise.resolve(bytes(1e12)) });
  const inode = named('f');
  const fd = fdOf(inode, client);
  await f.open(call, { inode, fd, flags: 2, xdata: null });
  await f.readv(call, { fd, offset: 0, size: 1, flags: 0, xdata: null });
  await state(null);
  const [[name, value]] = top(6) as [[string, number]];
  t.equal(name, '/f');
  t.ok(value > 1000, 'bytes per microsecond');
  const values = ask({ 'top-op': '6', 'list-cnt': '1', throughput: '12.5', time: '100.0' });
  t.equal(values.get('throughput'), '12.5');
  t.ok(Math.abs(Number(values.get('time-sec-1')) - Date.now() / 1000) < 10);
});

t.test('dumps into files', async (t) => {
  const { stats, f, named } = setup(
    { ...ON, 'unique-id': '/brick/a', 'ios-sample-interval': '2' },
    { readv: () => bytes(9) },
  );
  await stats.init();
  const inode = named('f');
  const fd = fdOf(inode, client);
  await f.open(call, { inode, fd, flags: 2, xdata: null });
  for (let i = 0; i < 4; i++) await f.readv(call, { fd, offset: 0, size: 1, flags: 0, xdata: null });
  const root = mkdtempSync(join(tmpdir(), 'dump'));
  const places = { stats: join(root, 'stats'), samples: join(root, 'samples') };
  const dump = new PeriodicDump(stats, places);
  await dump.write();
  t.strictSame(readdirSync(places.stats), ['glusterfsd__brick_a.dump']);
  const text = readFileSync(join(places.stats, 'glusterfsd__brick_a.dump'), 'latin1');
  const [total, interval] = text
    .split('\n}\n')
    .slice(0, 2)
    .map((part) => JSON.parse(`${part}}`));
  t.equal(total['gluster.brick._brick_a.aggr.fop.read.count'], 4);
  t.equal(total['gluster.brick._brick_a.aggr.read_8b'], 4);
  t.ok(total['gluster.brick._brick_a.aggr.fop.weighted_latency_ave_usec'] > 0);
  t.equal(interval['gluster.brick._brick_a.inter.fop.weighted_fop_count'], 5);
  const samples = readFileSync(join(places.samples, 'glusterfsd__brick_a.samp'), 'latin1').trim().split('\n');
  t.equal(samples.length, 3, 'every second fop');
  t.match(samples[1], /^\d+\.\d{6},LOW,READ,\d+,\/brick\/a,N\/A,root,root,\S+,1$/);
  await dump.write();
  t.equal(readFileSync(join(places.samples, 'glusterfsd__brick_a.samp'), 'latin1'), '', 'samples are written once');
  stats.options = { ...stats.options, 'ios-dump-format': 'text' };
  await dump.write();
  const plain = readFileSync(join(places.stats, 'glusterfsd__brick_a.dump'), 'latin1');
  t.match(
    plain,
    /=== Cumulative stats ===[\s\S]*READ +4 +\d[\s\S]*Open File Stats[\s\S]*1 +\/f\n[\s\S]*=== Interval 2 stats/,
  );
  await stats.fini();
});

t.test('what was done with an open file, in the log', async (t) => {
  const lines: string[] = [];
  setLogSink({ wants: () => true, write: (line) => void lines.push(line.text) });
  for (const given of [{}, { 'dump-fd-stats': 'on' }]) {
    const { stats, f, named } = setup(given, { readv: () => bytes(5000) });
    const inode = named('f');
    const fd = fdOf(inode, client);
    await f.open(call, { inode, fd, flags: 2, xdata: null });
    await f.readv(call, { fd, offset: 0, size: 1, flags: 0, xdata: null });
    await f.writev(call, { fd, offset: 0, size: 7, flags: 0, region: null as never, start: 0, xdata: null });
    stats.release(fd);
    if (!('dump-fd-stats' in given)) t.strictSame(lines, []);
  }
  t.match(lines, [
    '--- fd stats ---',
    '      Filename : /f',
    /^ +Lifetime : 0\.\d{6} secs$/,
    '     BytesRead : 5000 bytes',
    '  BytesWritten : 7 bytes',
    ' Read 004096b+ :1',
    'Write 000004b+ :1',
  ]);
});

t.test('callbacks to clients', (t) => {
  const inode = undefined as never;
  const renamed = { kind: 'cache-invalidation', flags: 0x80 | 0x200 | 0x1 } as never;
  const { stats, ask } = setup(ON);
  stats.upcallSent({ kind: 'entrylk-contention', inode, name: '', type: 0, pid: 0, domain: '' });
  stats.upcallSent(renamed);
  const values = ask({ 'info-op': '1' });
  for (const i of [-1, 0]) {
    const hits = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => values.get(`${i}-${n}-upcall-hits`) ?? 0);
    t.strictSame(hits, [0, 2, 1, 0, 1, 1, 0, 0]);
  }
  const off = setup({});
  off.stats.upcallSent(renamed);
  t.notOk([...off.ask({}).keys()].some((key) => key.includes('upcall')));
  t.end();
});

t.test('the throughput of a disk', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'perf'));
  for (const reading of [false, true]) {
    const { bytes, microseconds } = await measureThroughput(bytesOfText(directory), 4096, 10, reading);
    t.equal(bytes, 40960);
    t.ok(microseconds > 0);
  }
  t.strictSame(readdirSync(directory), [], 'its file is gone');
  await t.rejects(measureThroughput(bytesOfText('/no/such'), 1, 1, false), { code: 'ENOENT' });
  await t.rejects(measureThroughput(bytesOfText(directory), 2 ** 31, 1, false), { message: /too large/ });
});
