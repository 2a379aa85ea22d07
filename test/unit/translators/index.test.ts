import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { IndexTranslator } from '../../../brickd/translators/features/index/index.js';
import { options } from '../../../brickd/translators/features/index/options.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { DictReply, Fops, LookupReply, StatReply } from '../../../mux/xlator/fops.js';
import { gfidKey, gfidText } from '../../../mux/xlator/gfid.js';
import { Inode } from '../../../mux/xlator/inode.js';
import { bytesOfText } from '../../../native/bytes.js';
import { EINVAL, ENOENT, EROFS } from '../../../native/errno.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, statOf } from './harness.js';

const PENDING = 'trusted.afr.v-client-1';
const DIRTY = 'trusted.afr.dirty';
const zero = () => new Uint8Array(12);
const one = () => Uint8Array.from([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);

async function setup(t: Test, next: Partial<Fops> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'index-'));
  mkdirSync(join(dir, '.glusterfs'));
  const base = join(dir, '.glusterfs', 'indices');
  const entry = (value: string) => ({ value, line: 1 });
  const parsed = parseOptions(options, {
    name: 'v-index',
    line: 1,
    options: new Map([
      ['index-base', entry(base)],
      ['xattrop-dirty-watchlist', entry('trusted.afr.dirty')],
      ['xattrop-pending-watchlist', entry('trusted.afr.v-')],
    ]),
  });
  t.strictSame(parsed.errors, []);
  const brick = new FakeBrick();
  const index = make(IndexTranslator, parsed.values, brick, next);
  await index.init();
  t.teardown(async () => {
    await index.fini();
    rmSync(dir, { recursive: true });
  });
  const call = callOf(new FakeClient());
  return { base, brick, index, call, entries: (of: string) => readdirSync(join(base, of)).sort() };
}

t.test('the directories are made, their parent is not', async (t) => {
  const { base } = await setup(t);
  for (const name of ['', 'xattrop', 'dirty', 'entry-changes']) {
    t.equal(statSync(join(base, name)).mode & 0o7777, 0o600, name);
  }
  const { brick, index } = await setup(t);
  const bad = make(IndexTranslator, { ...index.options, 'index-base': bytesOfText('/nonexistent/b/indices') }, brick);
  await t.rejects(bad.init(), /brick \/brick: \/nonexistent\/b doesn't exist/);
});

t.test('files are listed before the change, and taken off by what it leaves', async (t) => {
  let value = one();
  const seen: string[][] = [];
  const xattrop = (_call: unknown, args: { dict: Dict }): DictReply => {
    seen.push(entries('xattrop'));
    const dict = new Dict();
    for (const key of args.dict.map.keys()) dict.setBytes(key, value);
    return { ret: 0, dict, xdata: null };
  };
  const { brick, index, call, entries } = await setup(t, { xattrop });
  const inode = brick.inode();
  const name = gfidText(inode.gfid);
  const names = (of: string) => entries(of).filter((n) => !n.startsWith(`${of}-`));
  await index.xattrop(call, { inode, op: 0, dict: dictOf({ [PENDING]: one(), [DIRTY]: zero() }), xdata: null });
  t.ok(seen[0]!.includes(name), 'when it got below, the entry was there');
  t.strictSame(names('xattrop'), [name]);
  t.strictSame(names('dirty'), [name], 'it turned out to be dirty');
  value = zero();
  await index.xattrop(call, { inode, op: 0, dict: dictOf({ [DIRTY]: zero() }), xdata: null });
  t.strictSame(names('dirty'), []);
  t.strictSame(names('xattrop'), [name], 'the other list is not touched');
  await index.xattrop(call, { inode, op: 1, dict: dictOf({ [PENDING]: zero() }), xdata: null });
  t.strictSame(names('xattrop'), []);
  await index.xattrop(call, { inode, op: 2, dict: dictOf({ [PENDING]: one() }), xdata: null });
  t.strictSame(names('xattrop'), [], 'other operations are not counted');
});

t.test('link-count tells whether anything awaits healing', async (t) => {
  let missing = false;
  const lookup = (): LookupReply => {
    if (missing) throw failure(ENOENT);
    return { stat: statOf({}), postparent: statOf({}), xdata: null };
  };
  const fstat = (): StatReply => ({ stat: statOf({}), xdata: null });
  const xattrop = (_call: unknown, args: { dict: Dict }): DictReply => ({ ret: 0, dict: args.dict, xdata: null });
  const { brick, index, call } = await setup(t, { lookup, fstat, xattrop });
  const inode = brick.inode();
  const ask = () => dictOf({ 'link-count': 'glusterfs.xattrop_index_count' });
  const count = async () => {
    const reply = await index.fstat(call, { fd: fdOf(inode, call.client), xdata: ask() });
    return reply.xdata!.number('link-count');
  };
  t.equal(await count(), 0);
  await index.xattrop(call, { inode, op: 0, dict: dictOf({ [PENDING]: one() }), xdata: null });
  t.equal(await count(), 1);
  const loc = { inode, parent: brick.root, name: 'f' };
  const found = await index.lookup(call, { loc, gfid: null, xdata: ask() });
  t.equal(found.xdata!.number('link-count'), 1);
  missing = true;
  try {
    await index.lookup(call, { loc, gfid: null, xdata: ask() });
    t.fail('must fail');
  } catch (error) {
    t.equal((error as { xdata: Dict }).xdata.number('link-count'), 1, 'also when the look-up fails');
  }
  await index.xattrop(call, { inode, op: 0, dict: dictOf({ [PENDING]: zero() }), xdata: null });
  t.equal(await count(), 0);
});

t.test('healers read the lists by gfids', async (t) => {
  const xattrop = (_call: unknown, args: { dict: Dict }): DictReply => ({ ret: 0, dict: args.dict, xdata: null });
  const { brick, index, call, base } = await setup(t, { xattrop });
  const inode = brick.inode();
  const name = gfidText(inode.gfid);
  await index.xattrop(call, { inode, op: 0, dict: dictOf({ [PENDING]: one() }), xdata: null });
  const key = 'glusterfs.xattrop_index_gfid';
  const { dict } = await index.getxattr(call, { inode: brick.root, name: key, xdata: null });
  const gfid = dict!.bytes(key)!;
  const xdata = dictOf({ 'glusterfs.index-ia-type-get-req': 1 });
  const top = await index.lookup(call, { loc: { inode: null, parent: null, name: '' }, gfid, xdata });
  t.equal(top.stat.mode & 0o170000, 0o040000);
  t.equal(gfidText(top.stat.gfid), gfidText(gfid));
  t.equal(top.xdata!.number('glusterfs.index-ia-type-get-rsp'), 1);
  const folder = new Inode(gfid, gfidKey(gfid));
  folder.type = 0o040000;
  const fd = fdOf(folder, call.client);
  await index.opendir(call, { inode: folder, fd, xdata: null });
  const all = await index.readdir(call, { fd, offset: 0n, size: 4096, xdata: dictOf({ 'get-gfid-type': 1 }) });
  t.match(all.entries, [{ name, type: 8 }]);
  const end = await index.readdir(call, { fd, offset: all.entries[0]!.offset, size: 4096, xdata: null });
  t.match(end, { entries: [], errno: ENOENT });
  const count = 'glusterfs.xattrop_index_count';
  const counted = await index.getxattr(call, { inode: brick.root, name: count, xdata: null });
  t.equal(counted.dict!.number(count), 1);
  await index.unlink(call, { loc: { inode: null, parent: folder, name }, xflags: 0, xdata: null });
  t.notOk(existsSync(join(base, 'xattrop', name)));
  t.equal(
    await errnoOfAttempt(() =>
      index.lookup(call, { loc: { inode: null, parent: folder, name }, gfid: null, xdata: null }),
    ),
    ENOENT,
  );
  index.releasedir(fd);
});

t.test('names in a directory', async (t) => {
  const xattrop = (_call: unknown, args: { dict: Dict }): DictReply => ({ ret: 0, dict: args.dict, xdata: null });
  const { brick, index, call, base, entries } = await setup(t, { xattrop });
  const inode = brick.inode(0o040000);
  const folder = `entry-changes/${gfidText(inode.gfid)}`;
  const mark = (name: string, key = 'create') =>
    index.xattrop(call, {
      inode,
      op: 0,
      dict: dictOf({ [PENDING]: one() }),
      xdata: dictOf({ [`glusterfs.xattrop-entry-${key}`]: name }),
    });
  await mark('dirty-file');
  await mark('b');
  t.strictSame(entries(folder), ['b', 'dirty-file']);
  t.equal(await errnoOfAttempt(() => mark('../x')), EINVAL);
  const gfidKeyName = 'glusterfs.xattrop_entry_changes_gfid';
  const { dict } = await index.getxattr(call, { inode: brick.root, name: gfidKeyName, xdata: null });
  const topGfid = dict!.bytes(gfidKeyName)!;
  const top = new Inode(topGfid, gfidKey(topGfid));
  const found = await index.lookup(call, {
    loc: { inode: null, parent: top, name: gfidText(inode.gfid) },
    gfid: null,
    xdata: null,
  });
  const sub = new Inode(found.stat.gfid, gfidKey(found.stat.gfid));
  const fd = fdOf(sub, call.client);
  const listed = await index.readdir(call, { fd, offset: 0n, size: 65536, xdata: null });
  t.strictSame(
    listed.entries.map((e) => e.name).sort(),
    ['b', 'dirty-file'],
    'names of files are not mistaken for ours',
  );
  index.releasedir(fd);
  await index.unlink(call, { loc: { inode: null, parent: sub, name: 'b' }, xflags: 0, xdata: null });
  await mark('dirty-file', 'delete');
  t.strictSame(entries(folder), []);
  await mark('left');
  await index.xattrop(call, { inode, op: 0, dict: dictOf({ [PENDING]: zero() }), xdata: null });
  t.notOk(existsSync(join(base, folder)), 'put aside when there is nothing to heal any more');
});

t.test('nothing is reached by way of a symlink or of ..', async (t) => {
  const xattrop = (_call: unknown, args: { dict: Dict }): DictReply => ({ ret: 0, dict: args.dict, xdata: null });
  const { brick, index, call, base } = await setup(t, { xattrop });
  const outside = mkdtempSync(join(tmpdir(), 'outside-'));
  t.teardown(() => rmSync(outside, { recursive: true }));
  writeFileSync(join(outside, 'victim'), 'x');
  const inode = brick.inode(0o040000);
  symlinkSync(outside, join(base, 'entry-changes', gfidText(inode.gfid)));
  const mark = (name: string, key: string) =>
    index.xattrop(call, {
      inode,
      op: 0,
      dict: dictOf({ [PENDING]: one() }),
      xdata: dictOf({ [`glusterfs.xattrop-entry-${key}`]: name }),
    });
  t.not(await errnoOfAttempt(() => mark('new', 'create')), 0);
  await errnoOfAttempt(() => mark('victim', 'delete'));
  t.strictSame(readdirSync(outside), ['victim'], 'a planted symlink');
  const key = 'glusterfs.xattrop_entry_changes_gfid';
  const { dict } = await index.getxattr(call, { inode: brick.root, name: key, xdata: null });
  const top = new Inode(dict!.bytes(key)!, gfidKey(dict!.bytes(key)!));
  const lookup = (parent: Inode, name: string) =>
    index.lookup(call, { loc: { inode: null, parent, name }, gfid: null, xdata: null });
  for (const name of ['', '.', '..', '../xattrop', 'x'.repeat(256), 'x\0y']) {
    const loc = { inode: null, parent: top, name };
    t.equal(await errnoOfAttempt(() => lookup(top, name)), EINVAL, `look-up of ${name}`);
    t.equal(
      await errnoOfAttempt(() => index.unlink(call, { loc, xflags: 0, xdata: null })),
      EINVAL,
      `unlink of ${name}`,
    );
    t.equal(await errnoOfAttempt(() => mark(name, 'create')), EINVAL, `mark of ${name}`);
  }
  const found = await lookup(top, gfidText(inode.gfid));
  const sub = new Inode(found.stat.gfid, gfidKey(found.stat.gfid));
  t.not(await errnoOfAttempt(() => lookup(sub, 'victim')), 0);
  const loc = { inode: null, parent: sub, name: 'victim' };
  await errnoOfAttempt(() => index.unlink(call, { loc, xflags: 0, xdata: null }));
  const fd = fdOf(sub, call.client);
  t.not(await errnoOfAttempt(() => index.readdir(call, { fd, offset: 0n, size: 4096, xdata: null })), 0);
  index.releasedir(fd);
  const entry = { inode: null, parent: top, name: gfidText(inode.gfid) };
  await errnoOfAttempt(() => index.rmdir(call, { loc: entry, flags: 1, xdata: null }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.strictSame(readdirSync(outside), ['victim'], 'by the virtual directories');
});

t.test('a protected volume keeps its lists', async (t) => {
  const xattrop = (): DictReply => {
    throw failure(EROFS);
  };
  const { brick, index, call, entries } = await setup(t, { xattrop });
  brick.refusal = EROFS;
  const inode = brick.inode(0o040000);
  const ask = (value: Uint8Array, names: Record<string, string> = {}) =>
    errnoOfAttempt(() =>
      index.xattrop(call, { inode, op: 0, dict: dictOf({ [PENDING]: value }), xdata: dictOf(names) }),
    );
  t.equal(await ask(one()), EROFS);
  for (const key of ['create', 'delete'])
    t.equal(await ask(zero(), { [`glusterfs.xattrop-entry-${key}`]: 'x' }), EROFS);
  for (const of of ['xattrop', 'dirty', 'entry-changes']) t.strictSame(entries(of), [], of);
});
