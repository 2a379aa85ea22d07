import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { options as table } from '../../../brickd/translators/features/trash/options.js';
import { TrashTranslator } from '../../../brickd/translators/features/trash/trash.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { ROOT_GFID } from '../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EFBIG, EPERM } from '../../../native/errno.js';
import { handleName } from '../../../posix/disk/format/handle-name.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, statOf } from './harness.js';

const skip = process.getuid?.() === 0 ? false : 'needs root for trusted xattrs';

async function setup(t: Test, over: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'trash-'));
  mkdirSync(join(dir, '.glusterfs/00/00'), { recursive: true });
  symlinkSync('../../..', join(dir, '.glusterfs', handleName(ROOT_GFID)));
  const entry = (value: string) => ({ value, line: 1 });
  const values = (more: Record<string, string> = {}) => {
    const all = { trash: 'on', 'brick-path': dir, ...over, ...more };
    const entries = Object.entries(all).map(([key, value]) => [key, entry(value)] as const);
    const parsed = parseOptions(table, { name: 'v-trash', line: 1, options: new Map(entries) });
    t.strictSame(parsed.errors, []);
    return parsed.values;
  };
  const brick = new FakeBrick();
  const call = callOf(new FakeClient());
  const pathOf = (parent: Inode | null, name: string): string =>
    parent === null || parent.isRoot ? name : `${pathOf(parent.parent, parent.name)}/${name}`;
  const statAt = (inode: Inode) => {
    const found = statSync(join(dir, pathOf(inode.parent, inode.name)));
    const { mode, nlink, size, blocks } = found;
    return statOf({ gfid: inode.gfid, mode, nlink: nlink - 1, size, blocks, uid: 0, gid: 0 });
  };
  const next: Partial<Fops> = {
    lookup: (_, { loc }) => ({ stat: statAt(loc.inode!), postparent: NO_IATT, xdata: null }),
    stat: (_, { inode }) => ({ stat: statAt(inode), xdata: null }),
    unlink: (_, { loc }) => {
      unlinkSync(join(dir, pathOf(loc.parent, loc.name)));
      return { preparent: NO_IATT, postparent: NO_IATT, xdata: null };
    },
  };
  const trash = make(TrashTranslator, values(), brick, next);
  await trash.init();
  t.teardown(async () => {
    await trash.fini();
    rmSync(dir, { recursive: true });
  });
  const directory = (parent: Inode, name: string, mode = 0o755): Inode => {
    const inode = Object.assign(brick.inode(0o040000), { parent, name });
    mkdirSync(join(dir, pathOf(parent, name)));
    chmodSync(join(dir, pathOf(parent, name)), mode);
    return inode;
  };
  const file = (parent: Inode, name: string, content: string): Inode => {
    const inode = Object.assign(brick.inode(), { parent, name });
    const handle = join(dir, '.glusterfs', handleName(inode.gfid));
    mkdirSync(join(handle, '..'), { recursive: true });
    writeFileSync(handle, content);
    linkSync(handle, join(dir, pathOf(parent, name)));
    return inode;
  };
  const unlink = (inode: Inode, as = call) =>
    trash.unlink(as, { loc: { inode, parent: inode.parent, name: inode.name }, xflags: 0, xdata: null });
  return { dir, brick, trash, call, root: brick.root, values, directory, file, unlink };
}

const STAMP = String.raw`_\d{4}-\d\d-\d\d_\d{6}_\+0000`;

t.test('unlinked files are kept under their path', { skip }, async (t) => {
  const { dir, root, directory, file, unlink } = await setup(t);
  t.equal(
    readlinkSync(join(dir, '.glusterfs/00/00/00000000-0000-0000-0000-000000000005')),
    '../../00/00/00000000-0000-0000-0000-000000000001/.trashcan',
  );
  const a = directory(root, 'a', 0o750);
  const b = directory(a, 'b', 0o711);
  await unlink(file(b, 'f', 'content'));
  const [kept = '', ...more] = readdirSync(join(dir, '.trashcan/a/b'));
  t.match(kept, new RegExp(`^f${STAMP}$`));
  t.equal(more.length, 0);
  t.equal(readFileSync(join(dir, '.trashcan/a/b', kept), 'utf8'), 'content');
  t.notOk(existsSync(join(dir, 'a/b/f')));
  t.equal(statSync(join(dir, '.trashcan/a')).mode & 0o7777, 0o750);
  t.equal(statSync(join(dir, '.trashcan/a/b')).mode & 0o7777, 0o711);
  for (const content of ['one', 'two', 'three']) await unlink(file(a, 'again', content));
  const contents = readdirSync(join(dir, '.trashcan/a'))
    .filter((name) => name.startsWith('again'))
    .map((name) => readFileSync(join(dir, '.trashcan/a', name), 'utf8'));
  t.same(contents.sort(), ['one', 'three', 'two'], 'several of a name within a second');
});

t.test('what is cut short is copied', { skip }, async (t) => {
  const { dir, trash, call, root, directory, file } = await setup(t);
  const inode = file(directory(root, 'a'), 'f', 'content');
  await trash.truncate(call, { inode, offset: 3, xdata: null });
  await trash.truncate(call, { inode, offset: 7, xdata: null });
  const [kept = '', ...more] = readdirSync(join(dir, '.trashcan/a'));
  t.match(kept, new RegExp(`^f${STAMP}$`));
  t.equal(more.length, 0, 'only what becomes shorter');
  t.equal(readFileSync(join(dir, '.trashcan/a', kept), 'utf8'), 'content');
  t.equal(statSync(join(dir, '.trashcan/a', kept)).nlink, 2, 'with a handle of its own');
});

/** Bounds the size of files of this process while something runs: the kernel copies up to there, and then fails with EFBIG. */
async function withFileLimit(bytes: number, run: () => Promise<void>): Promise<void> {
  const limit = (value: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${value}:`]);
  limit(`${bytes}`);
  try {
    await run();
  } finally {
    limit('unlimited');
  }
}

t.test('what can be copied in part only is not cut, and leaves no copy', { skip }, async (t) => {
  const { dir, trash, call, root, directory, file } = await setup(t);
  const content = 'x'.repeat(1 << 20);
  const inode = file(directory(root, 'a'), 'f', content);
  let truncated = 0;
  trash.next = Object.assign(Object.create(trash.next), { truncate: () => truncated++, ftruncate: () => truncated++ });
  await withFileLimit(1 << 18, async () => {
    t.equal(await errnoOfAttempt(() => trash.truncate(call, { inode, offset: 3, xdata: null })), EFBIG);
    const fd = fdOf(inode, call.client);
    t.equal(await errnoOfAttempt(() => trash.ftruncate(call, { fd, offset: 3, xdata: null })), EFBIG);
  });
  t.equal(truncated, 0);
  t.notOk(existsSync(join(dir, '.trashcan/a')));
  await trash.truncate(call, { inode, offset: 3, xdata: null });
  t.equal(truncated, 1);
  const [kept = ''] = readdirSync(join(dir, '.trashcan/a'));
  t.equal(readFileSync(join(dir, '.trashcan/a', kept), 'utf8'), content);
});

t.test('a large file with holes is copied whole, with its holes', { skip }, async (t) => {
  const { dir, trash, call, root, file } = await setup(t, { 'trash-max-filesize': '1TB' });
  const GIB = 2 ** 30;
  const inode = file(root, 'f', 'begin');
  const path = join(dir, 'f');
  const fd = openSync(path, 'r+');
  writeSync(fd, 'middle', 19 * GIB + 5000);
  ftruncateSync(fd, 20 * GIB);
  closeSync(fd);
  await trash.truncate(call, { inode, offset: 0, xdata: null });
  const copy = join(dir, '.trashcan', readdirSync(join(dir, '.trashcan'))[0]!);
  const { size, blocks } = statSync(copy);
  t.equal(size, 20 * GIB);
  t.ok(blocks <= statSync(path).blocks, `${blocks} blocks`);
  const read = (at: number) => {
    const bytes = Buffer.alloc(6);
    const from = openSync(copy, 'r');
    readSync(from, bytes, 0, 6, at);
    closeSync(from);
    return bytes.toString('latin1');
  };
  t.equal(read(0), 'begin\0');
  t.equal(read(19 * GIB + 5000), 'middle');
});

t.test('what is not kept', { skip }, async (t) => {
  const { dir, trash, call, root, directory, file, unlink } = await setup(t, {
    'trash-max-filesize': '10',
    'trash-eliminate-path': 'tmp,/other/x/',
  });
  await unlink(file(root, 'large', 'x'.repeat(11)));
  await unlink(file(directory(root, 'tmp'), 'f', 'x'));
  await unlink(file(directory(directory(root, 'other'), 'x'), 'f', 'x'));
  const linked = file(root, 'linked', 'x');
  linkSync(join(dir, 'linked'), join(dir, 'link'));
  await unlink(linked);
  await unlink(file(root, 'internal', 'x'), callOf(new FakeClient(), { pid: -6 }));
  t.same(readdirSync(join(dir, '.trashcan')), []);
  await unlink(file(root, 'f', 'x'));
  t.match(readdirSync(join(dir, '.trashcan')), [new RegExp(`^f${STAMP}$`)]);
  t.equal(
    await errnoOfAttempt(() =>
      trash.rmdir(call, { loc: { inode: null, parent: root, name: '.trashcan' }, flags: 0, xdata: null }),
    ),
    EPERM,
  );
});

t.test('a symlink in the trash leads nowhere', { skip }, async (t) => {
  const { dir, root, directory, file, unlink } = await setup(t);
  const outside = mkdtempSync(join(tmpdir(), 'outside-'));
  t.teardown(() => rmSync(outside, { recursive: true }));
  const a = directory(root, 'a');
  symlinkSync(outside, join(dir, '.trashcan/a'));
  await unlink(file(a, 'f', 'x'));
  await unlink(file(directory(a, 'b'), 'g', 'x'));
  t.same(readdirSync(outside), []);
  t.notOk(existsSync(join(dir, 'a/f')), 'unlinked all the same');
});

t.test('another name, and the folder of internal operations', { skip }, async (t) => {
  const { dir, trash, root, values, file, unlink } = await setup(t);
  await unlink(file(root, 'f', 'x'));
  await trash.reconfigure(values({ 'trash-dir': 'bin', 'trash-internal-op': 'on' }));
  t.notOk(existsSync(join(dir, '.trashcan')));
  t.equal(readdirSync(join(dir, 'bin')).length, 2);
  await unlink(file(root, 'g', 'x'), callOf(new FakeClient(), { pid: -6 }));
  t.match(readdirSync(join(dir, 'bin/internal_op')), [new RegExp(`^g${STAMP}$`)]);
  await trash.reconfigure(values({ trash: 'off', 'trash-dir': 'bin' }));
  t.equal(trash.wants('unlink'), true, 'it stays on until the brick starts anew');
  await t.rejects(trash.reconfigure(values({ 'trash-dir': '../x' })), { message: /trash-dir/ });
});
