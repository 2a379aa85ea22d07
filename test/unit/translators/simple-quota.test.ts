import t from 'tap';
import type { Options } from '../../../brickd/translators/features/simple-quota/options.js';
import { SimpleQuotaTranslator } from '../../../brickd/translators/features/simple-quota/simple-quota.js';
import { Usage } from '../../../brickd/translators/features/simple-quota/usage.js';
import { setLogSink } from '../../../mux/base/log.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Fops, StatfsReply } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EDQUOT, EINVAL, EIO, ENODATA, EPERM } from '../../../native/errno.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, state, statOf } from './harness.js';

setLogSink({ wants: () => false, write() {} });

const LIMIT = 'trusted.gfs.squota.limit';
const SIZE = 'trusted.gfs.squota.size';
const TOTAL = 'glusterfs.quota.total-usage';
const OPTIONS: Options = {
  'pass-through': false,
  'use-backend': false,
  'cmd-from-all-client': false,
  'no-distribute': true,
};
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const client = new FakeClient();
const call = callOf(client);
const helper = callOf(client, { pid: -14 });

/** A translator over a disk of files with sizes in blocks, and a namespace with a file in it. */
function setup(options: Partial<Options> = {}, xattrs: Record<string, number | string> = {}) {
  const brick = new FakeBrick();
  brick.timer = () => () => {};
  const namespace = brick.inode(S_IFDIR);
  namespace.namespace = namespace;
  const file = brick.inode(S_IFREG);
  file.namespace = namespace;
  /** xattrs of the namespace's root. */
  const disk = dictOf(xattrs);
  const blocks = new Map<Inode, number>();
  let names = 1;
  let failing = 0;
  /** Writes wait while set. */
  const held: (() => void)[] = [];
  const hold = { writes: false };
  const iatt = (inode: Inode) => statOf({ mode: inode.type | 0o644, blocks: blocks.get(inode) ?? 0, size: 1 });
  const set = (inode: Inode, to: number) => {
    const pre = iatt(inode);
    blocks.set(inode, to);
    return { pre, post: iatt(inode), count: 1, xdata: null };
  };
  const made = (count = 0) => ({ stat: statOf({ mode: S_IFREG, blocks: count }), xdata: null });
  const removed = (inode: Inode | null) => ({
    xdata: new Dict()
      .setUint('gf_response_link_count', names)
      .setUint('gf_get_file_block_count', inode === null ? 0 : (blocks.get(inode) ?? 0)),
  });
  const statfs: StatfsReply = {
    bsize: 4096,
    frsize: 4096,
    blocks: 1000,
    bfree: 900,
    bavail: 900,
    files: 1,
    ffree: 1,
    favail: 1,
    fsid: 0,
    flag: 0,
    namemax: 255,
    xdata: null,
  };
  const below: Partial<Fops> = {
    getxattr: (_c, { inode, name }) => {
      if (failing !== 0) throw failure(failing);
      const value = inode === namespace ? disk.get(name) : undefined;
      if (value === undefined) throw failure(ENODATA);
      return { ret: 0, dict: new Dict().set(name, value), xdata: null };
    },
    setxattr: (_c, { inode, dict }) => {
      if (failing !== 0) throw failure(failing);
      if (inode.key === namespace.key) for (const [key, value] of dict.map) disk.set(key, value);
      return { xdata: null };
    },
    removexattr: (_c, { name }) => {
      disk.delete(name);
      return { xdata: null };
    },
    writev: (_c, { fd, offset, size }) => {
      const write = () => set(fd.inode, Math.max(blocks.get(fd.inode) ?? 0, Math.ceil((offset + size) / 512)));
      if (!hold.writes) return write();
      return new Promise((resolve) => held.push(() => resolve(write())));
    },
    truncate: (_c, { inode, offset }) => set(inode, Math.ceil(offset / 512)),
    fallocate: (_c, { fd, offset, length }) => set(fd.inode, Math.ceil((offset + length) / 512)),
    discard: (_c, { fd }) => set(fd.inode, 0),
    stat: (_c, { inode }) => ({ stat: iatt(inode), xdata: null }),
    open: (_c, { inode }) => set(inode, 0),
    create: () => made() as never,
    mkdir: () => made() as never,
    mknod: () => made() as never,
    symlink: () => made(8) as never,
    unlink: (_c, { loc, xdata }) => {
      t.ok(xdata?.has('gf_request_link_count') && xdata.has('gf_get_file_block_count'));
      return removed(loc.inode) as never;
    },
    rename: (_c, { newLoc }) => removed(newLoc.inode) as never,
    rmdir: () => ({ xdata: null }) as never,
    statfs: () => statfs,
  };
  const quota = make(SimpleQuotaTranslator, { ...OPTIONS, ...options }, brick, below);
  const loc = (inode: Inode | null = null) => ({ inode, parent: namespace, name: 'x' });
  const xdata = null;
  return {
    brick,
    quota,
    namespace,
    file,
    disk,
    held,
    hold,
    loc,
    setNames: (n: number) => void (names = n),
    fail: (errno: number) => void (failing = errno),
    write: (size: number, offset = 0, inode = file) =>
      quota.writev(call, {
        fd: fdOf(inode, client),
        offset,
        size,
        flags: 0,
        region: undefined as never,
        start: 0,
        xdata,
      }),
    set: (values: Record<string, number | string>, inode = namespace, by = call) =>
      errnoOfAttempt(() => quota.setxattr(by, { inode, dict: dictOf(values), flags: 0, xdata })),
    unlink: (inode: Inode | null) => quota.unlink(call, { loc: loc(inode), xflags: 0, xdata }),
    create: (inode: Inode | null = null) =>
      quota.create(call, { loc: loc(inode), flags: 2, mode: 0, umask: 0, pid: 1, xdata }),
    /** What is used, as the quota helper sees it: written by its very asking. */
    used: async (): Promise<number> => {
      await quota.statfs(helper, { inode: file, xdata });
      return disk.number(SIZE) ?? 0;
    },
    statfs: (by = call) => quota.statfs(by, { inode: file, xdata }),
  };
}

t.test('what fops add and remove is counted', async (t) => {
  const { quota, file, write, unlink, create, used, loc, setNames, brick, namespace } = setup({}, { [LIMIT]: 1e9 });
  await create();
  t.equal(await used(), 512);
  await write(4096);
  t.equal(await used(), 512 + 4096);
  await write(4096);
  t.equal(await used(), 512 + 4096, 'written again');
  await quota.truncate(call, { inode: file, offset: 1024, xdata: null });
  t.equal(await used(), 512 + 1024);
  await quota.fallocate(call, { fd: fdOf(file, client), flags: 0, offset: 0, length: 8192, xdata: null });
  t.equal(await used(), 512 + 8192);
  await quota.discard(call, { fd: fdOf(file, client), offset: 0, length: 8192, xdata: null });
  t.equal(await used(), 512);
  await write(2048);
  await quota.open(call, { inode: file, fd: fdOf(file, client), flags: 0o1001, xdata: null });
  t.equal(await used(), 512, 'opened with O_TRUNC');
  await write(2048);
  setNames(2);
  await unlink(file);
  t.equal(await used(), 512 + 2048, 'it has another name');
  setNames(1);
  await unlink(file);
  t.equal(await used(), 0);
  await write(8192);
  t.equal(await used(), 0, 'what is open and has no name any more');
  await quota.mknod(call, { loc: loc(), mode: S_IFREG, rdev: 0, umask: 0, xdata: null });
  await quota.symlink(call, { loc: loc(), target: 't', umask: 0, xdata: null });
  t.equal(await used(), 512 + 512 + 4096);
  const other = brick.inode(S_IFREG);
  other.namespace = namespace;
  await write(1024, 0, other);
  await create();
  await quota.rename(call, { oldLoc: { ...loc(file), name: 'a' }, newLoc: loc(other), xdata: null });
  t.equal(await used(), 512 + 512 + 4096, 'renamed over');
});

t.test('what exceeds the limit is refused', async (t) => {
  const { quota, file, write, create, loc, set, used, unlink } = setup({}, { [LIMIT]: '10000', [SIZE]: '512' });
  await write(8192);
  t.equal(await errnoOfAttempt(() => write(4096, 8192)), EDQUOT);
  t.equal(await errnoOfAttempt(() => create()), EDQUOT);
  const mkdir = { loc: loc(), mode: 0, umask: 0, xdata: null };
  t.equal(await errnoOfAttempt(() => quota.mkdir(call, mkdir)), EDQUOT);
  const more = { fd: fdOf(file, client), flags: 0, offset: 8192, length: 4096, xdata: null };
  t.equal(await errnoOfAttempt(() => quota.fallocate(call, more)), EDQUOT);
  t.equal(await errnoOfAttempt(() => quota.zerofill(call, more)), EDQUOT);
  t.equal(await errnoOfAttempt(() => write(1000, 8192)), 0, 'what fits');
  t.equal(await used(), 512 + 8192 + 1024);
  t.equal(await set({ 'glusterfs.quota.disable-check': 1 }), 0);
  t.equal(await errnoOfAttempt(() => write(4096, 8192)), 0);
  t.equal(await set({ 'glusterfs.quota.disable-check': 0 }), 0);
  t.equal(await errnoOfAttempt(() => write(4096, 8192)), EDQUOT);
  await unlink(file);
  t.equal(await errnoOfAttempt(() => write(4096, 8192)), 0, 'there is room again');
});

t.test('a limit comes and goes', async (t) => {
  const { quota, namespace, file, write, set } = setup();
  t.equal(await errnoOfAttempt(() => write(1 << 20)), 0, 'none');
  t.equal(await set({ [LIMIT]: '10000' }, file), EPERM, 'a file is no namespace');
  t.equal(await set({ [LIMIT]: 'ten' }), EINVAL);
  t.equal(await set({ [LIMIT]: '10000' }), 0);
  t.equal(await errnoOfAttempt(() => write(4096)), EDQUOT);
  await quota.removexattr(call, { inode: namespace, name: LIMIT, xdata: null });
  t.equal(await errnoOfAttempt(() => write(4096)), 0);
});

t.test('statfs shows the limit, and asks distribute to add up', async (t) => {
  const { statfs, write, set, disk } = setup();
  t.equal((await statfs()).xdata, null, 'no limit, nothing changed');
  t.equal(await set({ [LIMIT]: '20000' }), 0);
  await write(8192);
  t.match(await statfs(), { blocks: 5, bfree: 3, bavail: 3, files: 1 });
  t.equal((await statfs()).xdata?.number('simple-quota'), 1);
  t.equal(disk.number(SIZE), undefined, 'users have nothing written');
  t.match(await statfs(helper), { blocks: 5, bfree: 3 });
  t.equal(disk.number(SIZE), 8192);
});

t.test('with cmd-from-all-client everybody has the usage written', async (t) => {
  const { statfs, write, disk } = setup({ 'cmd-from-all-client': true }, { [LIMIT]: 20000 });
  await write(8192);
  await statfs();
  t.equal(disk.number(SIZE), 8192);
});

t.test("the file system's own quota counts", async (t) => {
  const { quota, statfs, set } = setup({ 'use-backend': true });
  t.notOk(quota.wants('writev'));
  t.notOk(quota.wants('create'));
  t.ok(quota.wants('statfs'));
  t.equal(await set({ [LIMIT]: '20000' }), 0);
  const r = await statfs(helper);
  t.match(r, { blocks: 1000, bfree: 900 });
  t.equal(r.xdata?.number('simple-quota'), 1);
});

t.test('a total that is told, and what changes after it', async (t) => {
  const { write, set, file, used, statfs } = setup({}, { [LIMIT]: 20000 });
  await write(4096);
  t.equal(await used(), 4096);
  await write(8192);
  t.equal(await set({ [TOTAL]: '12000' }, file), EPERM);
  t.equal(await set({ [TOTAL]: '12000' }, undefined, callOf(client, { uid: 5 })), EPERM);
  t.equal(await set({ [TOTAL]: '12000' }), 0);
  // 4096 of the 8192 came after the helper had asked.
  t.equal(await errnoOfAttempt(() => write(4000)), EDQUOT);
  t.equal(await errnoOfAttempt(() => write(3900)), 0);
  t.match(await statfs(), { bfree: 3 }, 'statfs tells of this brick alone');
  t.equal(await set({ [TOTAL]: '12000' }), 0, 'told without asking: all that is here is part of it');
  t.equal(await errnoOfAttempt(() => write(8000)), 0);
});

t.test('a count from outside', async (t) => {
  const { write, set, disk, used } = setup({}, { [LIMIT]: 20000 });
  await write(16384);
  disk.setInt(SIZE, 1024);
  t.equal(await set({ 'glusterfs.quota.reset': 1 }), 0);
  t.equal(await used(), 1024);
  t.equal(await errnoOfAttempt(() => write(16384)), 0);
  t.equal(await set({ [SIZE]: '2048' }), 0, 'or set through the brick');
  await write(16896);
  t.equal(await used(), 2048 + 512);
});

t.test('writes at the same time do not all pass one check', async (t) => {
  const { write, hold, held, brick, namespace } = setup({}, { [LIMIT]: 10000 });
  const files = [0, 1, 2, 3].map(() => brick.inode(S_IFREG));
  for (const f of files) f.namespace = namespace;
  await write(0);
  hold.writes = true;
  const writes = files.map((f) => Promise.resolve(write(4096, 0, f)));
  const errnos = writes.map((w) => errnoOfAttempt(() => w));
  t.same(await Promise.all(errnos.map(state)), ['pending', 'pending', 'pending', 'pending']);
  t.equal(held.length, 2, 'what could exceed the limit waits for those under way');
  while (held.length > 0) held.shift()!();
  t.same(await Promise.all(errnos), [0, 0, EDQUOT, EDQUOT]);
});

t.test('one that waits goes on when those under way took less', async (t) => {
  const { write, hold, held } = setup({}, { [LIMIT]: 10000 });
  await write(6000);
  hold.writes = true;
  const again = [write(3000), write(3000)].map((w) => errnoOfAttempt(() => w));
  t.equal(held.length, 1);
  held.shift()!();
  t.equal(await again[0], 0);
  t.equal(held.length, 1);
  held.shift()!();
  t.equal(await again[1], 0);
});

t.test('a fop that fails has taken nothing', async (t) => {
  const usage = new Usage(new Uint8Array(16), '', 0, 1000);
  t.equal(usage.reserve(600, true), true);
  const second = usage.reserve(600, true);
  t.equal(await state(second), 'pending');
  t.equal(usage.reserve(1100, true), false, 'too much in any case');
  usage.release(600);
  t.equal(await second, true);
  t.equal(usage.reserved, 600);
  const third = usage.reserve(500, true);
  usage.setLimit(0);
  t.equal(await third, true, 'the limit was taken away');
  t.throws(() => usage.release(1200), /no more space is released/);
});

t.test('what is counted is written before long, and at the end', async (t) => {
  const { brick, quota, write, disk, fail } = setup();
  const timers: (() => void)[] = [];
  brick.timer = (ms, repeat, run) => {
    t.same([ms, repeat], [5000, false]);
    timers.push(run);
    return () => {};
  };
  await write(4096);
  await write(8192);
  t.equal(timers.length, 1, 'once for all changes');
  timers.shift()!();
  await state(0);
  t.equal(disk.number(SIZE), 8192);
  t.equal(timers.length, 0, 'nothing to do, no timer');
  await write(16384);
  fail(EIO);
  timers.shift()!();
  await state(0);
  t.equal(disk.number(SIZE), 8192);
  t.equal(timers.length, 1, 'tried again');
  fail(0);
  await quota.fini();
  t.equal(disk.number(SIZE), 16384);
});

t.test('a namespace that can not be read is not taken for one without limit', async (t) => {
  const { write, fail } = setup({}, { [LIMIT]: 100 });
  fail(EIO);
  t.equal(await errnoOfAttempt(() => write(4096)), EIO);
  fail(0);
  t.equal(await errnoOfAttempt(() => write(4096)), EDQUOT);
});

t.test('a namespace whose root is removed is forgotten', async (t) => {
  const { quota, namespace, brick, write } = setup({}, { [LIMIT]: 1e6 });
  await write(4096);
  t.equal(quota.dump().length, 1);
  const loc = { inode: namespace, parent: brick.root, name: 'n' };
  await quota.rmdir(call, { loc, flags: 0, xdata: null });
  t.equal(quota.dump().length, 0);
});

t.test('switched off and on', async (t) => {
  const { quota, write, disk } = setup();
  await write(4096);
  await quota.reconfigure({ ...OPTIONS, 'pass-through': true });
  t.equal(disk.number(SIZE), 4096, 'what was counted is on disk');
  for (const fop of ['writev', 'statfs', 'setxattr', 'create'] as const) t.notOk(quota.wants(fop), fop);
  await quota.reconfigure(OPTIONS);
  t.ok(quota.wants('writev'));
});
