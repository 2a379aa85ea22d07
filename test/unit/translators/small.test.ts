import { constants, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createTranslator, optionTableOf } from '../../../brickd/translators/catalog.js';
import { DelayGenTranslator } from '../../../brickd/translators/debug/delay-gen/delay-gen.js';
import { ErrorGenTranslator } from '../../../brickd/translators/debug/error-gen/error-gen.js';
import { BarrierTranslator } from '../../../brickd/translators/features/barrier/barrier.js';
import { BitrotStubTranslator } from '../../../brickd/translators/features/bitrot-stub/bitrot-stub.js';
import { ChangelogTranslator } from '../../../brickd/translators/features/changelog/changelog.js';
import { ReadOnlyTranslator } from '../../../brickd/translators/features/read-only/read-only.js';
import { SelinuxTranslator } from '../../../brickd/translators/features/selinux/selinux.js';
import { IoThreadsTranslator } from '../../../brickd/translators/performance/io-threads/io-threads.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import { FOPS } from '../../../mux/xlator/fop-table.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import type { Translator, TranslatorInit } from '../../../mux/xlator/translator.js';
import { EINVAL, EIO, ENOSPC, EROFS } from '../../../native/errno.js';
import { parseOptions } from '../../../volfiles/options.js';
import { type Asked, callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, state } from './harness.js';

const client = new FakeClient();
const call = callOf(client);

/** A translator of a type with some options in volfile text. */
function setup<O, T extends Translator<O>>(
  type: string,
  made: new (init: TranslatorInit<O>) => T,
  given: Record<string, string> = {},
  next: Partial<Fops> = {},
) {
  const brick = new FakeBrick();
  const asked: Asked[] = [];
  const texts = new Map(Object.entries(given).map(([key, value]) => [key, { value, line: 1 }]));
  const { values } = parseOptions(optionTableOf(type)!, { name: 'v', line: 1, options: texts });
  return { t: make(made, values as O, brick, next, asked), brick, asked, inode: brick.inode() };
}

const fops = (translator: Translator): Fops => translator as unknown as Fops;

t.test('read-only', async (t) => {
  const on = setup('features/read-only', ReadOnlyTranslator, { 'read-only': 'on' });
  const f = fops(on.t);
  const { inode } = on;
  const fd = fdOf(inode, client);
  const attempt = (run: () => unknown) => errnoOfAttempt(run);
  t.equal(await attempt(() => f.setattr(call, { inode, stat: undefined as never, valid: 0, xdata: null })), EROFS);
  t.equal(await attempt(() => f.open(call, { inode, fd, flags: 1, xdata: null })), EROFS);
  t.equal(await attempt(() => f.open(call, { inode, fd, flags: 0, xdata: null })), 0);
  const internal = callOf(client, { pid: -6 });
  t.equal(await attempt(() => f.setattr(internal, { inode, stat: undefined as never, valid: 0, xdata: null })), 0);
  const zero = dictOf({ a: new Uint8Array(4) });
  t.equal(await attempt(() => f.xattrop(call, { inode, op: 0, dict: zero, xdata: null })), 0);
  const one = dictOf({ a: Uint8Array.of(0, 1) });
  t.equal(await attempt(() => f.xattrop(call, { inode, op: 0, dict: one, xdata: null })), EROFS);
  t.equal(await attempt(() => f.open(call, { inode, fd, flags: constants.O_TRUNC, xdata: null })), EROFS);
  const off = setup('features/read-only', ReadOnlyTranslator);
  t.notOk(off.t.wants('writev'));
});

t.test('a read-only volume refuses every fop that changes something', async (t) => {
  const { t: on, asked } = setup('features/read-only', ReadOnlyTranslator, { 'read-only': 'on' });
  const inode = new FakeBrick().inode();
  const loc = { inode, parent: inode, name: 'x' };
  const dict = dictOf({ 'user.x': Uint8Array.of(1) });
  const args = { inode, fd: fdOf(inode, client), loc, dict, flags: 0, op: 0 } as never;
  const internal = callOf(client, { pid: -6 });
  for (const { name, changesData } of FOPS) {
    if (name === 'release' || name === 'releasedir') continue;
    const method = (fops(on) as Partial<Fops>)[name];
    const refuses = method !== undefined && (await errnoOfAttempt(() => method.call(on, call, args))) === EROFS;
    t.equal(refuses, changesData || name === 'fsyncdir', name);
    if (!refuses) continue;
    asked.length = 0;
    await method.call(on, internal, args);
    t.equal(asked[0]?.fop, name, `${name} by self-heal`);
  }
  t.equal(await errnoOfAttempt(() => on.guardChange(call)), EROFS);
  on.guardChange(internal);
  setup('features/read-only', ReadOnlyTranslator).t.guardChange(call);
});

t.test('a barrier holds what the table says', async (t) => {
  const { t: barrier } = setup('features/barrier', BarrierTranslator, { 'barrier-timeout': '100' });
  for (const { name, heldByBarrier } of FOPS) {
    t.equal(name in barrier && name !== 'release' && name !== 'releasedir', heldByBarrier, name);
  }
});

t.test('barrier', async (t) => {
  const next: Partial<Fops> = {
    rmdir: () => {
      throw failure(EIO);
    },
  };
  const { t: barrier, inode, brick } = setup('features/barrier', BarrierTranslator, { 'barrier-timeout': '100' }, next);
  const f = fops(barrier);
  const fd = fdOf(inode, client);
  const loc = { inode, parent: brick.root, name: 'f' };
  const write = (flags: number) =>
    f.writev(call, { fd, offset: 0, size: 0, flags, region: undefined as never, start: 0, xdata: null });
  t.equal(await state(f.fsync(call, { fd, datasync: false, xdata: null })), 'done');
  barrier.setBarrier(true);
  t.throws(() => barrier.setBarrier(true), { message: 'Failed to reconfigure barrier.' });
  const held = [
    f.fsync(call, { fd, datasync: false, xdata: null }),
    f.unlink(call, { loc, xflags: 0, xdata: null }),
    write(0o10000),
  ];
  const failing = Promise.resolve().then(() => f.rmdir(call, { loc, flags: 0, xdata: null }));
  failing.catch(() => {});
  for (const h of [...held, failing]) t.equal(await state(h), 'pending');
  t.equal(await state(write(0)), 'done', 'a write that need not be stable');
  t.match(barrier.dump()[0]!.lines, ['barrier.enabled=1', 'barrier.timeout=100', 'barrier.queue_size=4']);
  barrier.setBarrier(false);
  for (const h of held) t.equal(await state(h), 'done');
  t.equal(await errnoOfAttempt(() => failing), EIO);
  t.throws(() => barrier.setBarrier(false), { message: 'Failed to reconfigure barrier.' });
});

t.test('a barrier lets go of what it holds when its brick ends', async (t) => {
  const { t: barrier, inode } = setup('features/barrier', BarrierTranslator, { 'barrier-timeout': '100' });
  const sync = () => fops(barrier).fsync(call, { fd: fdOf(inode, client), datasync: false, xdata: null });
  barrier.setBarrier(true);
  const held = sync();
  t.equal(await state(held), 'pending');
  barrier.closing();
  t.equal(await state(held), 'done');
  t.equal(await state(sync()), 'done', 'what ends later is not held');
});

t.test('a barrier ends by itself', async (t) => {
  const { t: barrier, inode } = setup('features/barrier', BarrierTranslator, { 'barrier-timeout': '0' });
  barrier.setBarrier(true);
  const held = fops(barrier).fsync(call, { fd: fdOf(inode, client), datasync: false, xdata: null });
  await held;
  t.notOk(barrier.enabled);
});

t.test('changelog leaves its directories', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'changelog-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const { t: changelog } = setup('features/changelog', ChangelogTranslator, { 'changelog-dir': `${dir}/changelogs` });
  await changelog.init();
  await changelog.init();
  for (const sub of ['', '/htime', '/csnap']) t.equal(statSync(`${dir}/changelogs${sub}`).mode & 0o777, 0o600);
});

t.test('bit-rot stub hides its xattrs', async (t) => {
  const all = () => ({ ret: 0, xdata: null, dict: dictOf({ 'trusted.bit-rot.version': 'x', 'user.a': 'y' }) });
  const { t: stub, inode } = setup('features/bitrot-stub', BitrotStubTranslator, {}, { getxattr: all });
  const set = dictOf({ 'trusted.bit-rot.signature': 'x' });
  t.equal(await errnoOfAttempt(() => stub.setxattr(call, { inode, dict: set, flags: 0, xdata: null })), EINVAL);
  const fd = fdOf(inode, client);
  t.equal(await errnoOfAttempt(() => stub.fsetxattr(call, { fd, dict: set, flags: 0, xdata: null })), EINVAL);
  const bitd = callOf(client, { pid: -8 });
  t.equal(await errnoOfAttempt(() => stub.fsetxattr(bitd, { fd, dict: set, flags: 0, xdata: null })), 0);
  const name = 'trusted.bit-rot.version';
  t.equal(await errnoOfAttempt(() => stub.getxattr(call, { inode, name, xdata: null })), EINVAL);
  t.equal(await errnoOfAttempt(() => stub.removexattr(call, { inode, name, xdata: null })), EINVAL);
  const listed = await stub.getxattr(call, { inode, name: '', xdata: null });
  t.strictSame([...listed.dict!.map.keys()], ['user.a']);
});

t.test('security labels have a name of their own on disk', async (t) => {
  const stored = () => ({ ret: 0, xdata: null, dict: dictOf({ 'trusted.glusterfs.selinux': 'label' }) });
  const { t: selinux, asked, inode } = setup('features/selinux', SelinuxTranslator, {}, { getxattr: stored });
  const dict = dictOf({ 'security.selinux': 'label', 'user.a': 'x' });
  await selinux.setxattr(call, { inode, dict, flags: 0, xdata: null });
  t.strictSame([...(asked[0]!.args as { dict: typeof dict }).dict.map.keys()], ['trusted.glusterfs.selinux', 'user.a']);
  const reply = await selinux.getxattr(call, { inode, name: 'security.selinux', xdata: null });
  t.equal((asked[1]!.args as { name: string }).name, 'trusted.glusterfs.selinux');
  t.equal(reply.dict!.text('security.selinux'), 'label');
});

t.test('io-threads answers for its queues', async (t) => {
  const { t: threads, brick } = setup('performance/io-threads', IoThreadsTranslator);
  const { dict } = await threads.getxattr(call, { inode: brick.root, name: 'io-thread-queue-size', xdata: null });
  t.strictSame([...dict!.map.keys()], ['HIGH', 'NORMAL', 'LOW', 'LEAST']);
});

t.test("io-threads' number of threads limits the calls of the brick", async (t) => {
  const { t: threads, brick } = setup('performance/io-threads', IoThreadsTranslator, { 'thread-count': '32' });
  await threads.init();
  t.equal(brick.callLimit, 32);
  await threads.reconfigure({ ...threads.options, 'thread-count': 3 });
  t.equal(brick.callLimit, 3);
});

t.test('delay-gen and error-gen', async (t) => {
  const chosen = { 'delay-percentage': '100', 'delay-duration': '1000', enable: 'STAT,finodelk' };
  const { t: delays, inode } = setup('debug/delay-gen', DelayGenTranslator, chosen);
  t.ok(delays.wants('stat') && delays.wants('finodelk'));
  t.notOk(delays.wants('fstat'));
  const late = fops(delays).stat(call, { inode, xdata: null });
  t.ok(late instanceof Promise);
  await late;
  t.throws(() => setup('debug/delay-gen', DelayGenTranslator, { enable: 'nonsense' }), {
    message: /nonsense is no fop/,
  });
  const always = setup('debug/error-gen', ErrorGenTranslator, { failure: '100', enable: 'fsync' });
  t.ok(always.t.wants('fsync'));
  t.strictSame(always.t.dump(), [
    {
      title: 'xlator.debug.error-gen.v-test.priv',
      lines: ['op_count=0', 'failure_iter_no=0', 'error_no=0', 'random_failure=0'],
    },
  ]);
  t.notOk(always.t.wants('lookup'));
  const fd = fdOf(inode, client);
  const attempt = () => fops(always.t).fsync(call, { fd, datasync: false, xdata: null });
  t.not(await errnoOfAttempt(attempt), 0);
  const never = setup('debug/error-gen', ErrorGenTranslator, { enable: 'fsync' });
  t.equal(await errnoOfAttempt(() => fops(never.t).fsync(call, { fd, datasync: false, xdata: null })), 0);
  const counted = setup('debug/error-gen', ErrorGenTranslator, { 'random-failure': 'on', 'error-no': 'ENOSPC' });
  const seen = new Set<number>();
  for (let i = 0; i < 200; i++)
    seen.add(await errnoOfAttempt(() => fops(counted.t).stat(call, { inode, xdata: null })));
  t.strictSame([...seen].sort(), [0, ENOSPC]);
});

t.test('the catalog', async (t) => {
  const init = { name: 'v-x', type: 'features/namespace', options: {}, brick: new FakeBrick(), slot: 0 };
  t.equal(createTranslator('features/namespace', init), null);
  t.equal(createTranslator('features/nonsense', init), null);
  t.equal(optionTableOf('features/access-control'), optionTableOf('system/posix-acl'));
});
