/** Enforcement of quota above a disk, and a quotad that tells of what has been written there when it was asked, or a little later. */
import t from 'tap';
import { UNNAMED_MS } from '../../../brickd/translators/features/quota/known-limits.js';
import type { Options } from '../../../brickd/translators/features/quota/options.js';
import { QuotaTranslator } from '../../../brickd/translators/features/quota/quota.js';
import type { Usage } from '../../../brickd/translators/features/quota/quota-xattrs.js';
import { UsageSource } from '../../../brickd/translators/features/quota/usage-source.js';
import { type LogLine, setLogSink } from '../../../mux/base/log.js';
import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { DirEntry, Fops, StatfsReply } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import type { LayerNumbers } from '../../../mux/xlator/translator.js';
import { EDQUOT, EIO, ENOTCONN, EPERM, ESTALE } from '../../../native/errno.js';
import {
  callOf,
  dictOf,
  errnoOfAttempt,
  FakeBrick,
  FakeClient,
  fdOf,
  gfidOf,
  lower,
  random,
  statOf,
} from './harness.js';

const lines: LogLine[] = [];
setLogSink({ wants: () => true, write: (line) => void lines.push(line) });
t.beforeEach(() => void lines.splice(0));

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const LIMIT = 'trusted.glusterfs.quota.limit-set';
const OBJECTS = 'trusted.glusterfs.quota.limit-objects';
const MB = 1 << 20;
const OPTIONS: Options = {
  enable: false,
  'deem-statfs': true,
  'server-quota': true,
  'default-soft-limit': 80,
  'soft-timeout': 60,
  'hard-timeout': 5,
  'alert-time': 86400,
  'limit-set': undefined,
  'volume-uuid': 'vol',
};
const STRICT = { 'soft-timeout': 0, 'hard-timeout': 0 };
const client = new FakeClient();
const call = callOf(client);
const internal = callOf(client, { pid: -6 });

function limitValue(hard: number, soft = -1): Uint8Array {
  const value = Buffer.alloc(16);
  value.writeBigInt64BE(BigInt(hard), 0);
  value.writeBigInt64BE(BigInt(soft), 8);
  return value;
}

/** What quotad would answer, by the keys of directories. */
class FakeSource extends UsageSource {
  readonly usages = new Map<string, Usage>();
  failing = 0;
  delayMs = 0;
  override start(): void {}
  override async stop(): Promise<void> {}
  override async usage(key: string): Promise<Usage> {
    this.questions++;
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const answer = this.usages.get(key) ?? { bytes: 0, files: 0, dirs: 1 };
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.failing !== 0) throw failure(this.failing);
    return answer;
  }
}

/** /top/sub/file, with the quota translator above. delayMs: half the time that an answer of quotad takes. */
function setup(options: Partial<Options> = {}, delayMs = 0) {
  const brick = new FakeBrick();
  const source = new FakeSource('vol');
  source.delayMs = delayMs;
  brick.root.type = S_IFDIR;
  const top = brick.learnName(brick.root, 'top', gfidOf(101), S_IFDIR);
  const sub = brick.learnName(top, 'sub', gfidOf(102), S_IFDIR);
  const file = brick.learnName(sub, 'file', gfidOf(103), S_IFREG);
  const other = brick.learnName(brick.root, 'other', gfidOf(104), S_IFDIR);
  /** Xattrs of limits on disk, by the keys of directories. */
  const disk = new Map<string, Dict>();
  const blocks = new Map<Inode, number>();
  const sizes = new Map<Inode, number>();
  const read: Inode[] = [];
  const written: number[] = [];

  const stat = (inode: Inode) =>
    statOf({ mode: inode.type | 0o644, gfid: inode.gfid, blocks: blocks.get(inode) ?? 0, size: sizes.get(inode) ?? 0 });
  const account = (dir: Inode | null, bytes: number, files: number, dirs: number) => {
    for (let at = dir; at !== null; at = at.parent) {
      const before = source.usages.get(at.key) ?? { bytes: 0, files: 0, dirs: 1 };
      source.usages.set(at.key, {
        bytes: before.bytes + bytes,
        files: before.files + files,
        dirs: before.dirs + dirs,
      });
    }
  };
  const write = (inode: Inode, end: number) => {
    const pre = stat(inode);
    const before = blocks.get(inode) ?? 0;
    const after = Math.max(before, Math.ceil(end / 512));
    blocks.set(inode, after);
    sizes.set(inode, Math.max(sizes.get(inode) ?? 0, end));
    account(inode.parent, (after - before) * 512, 0, 0);
    return { pre, post: stat(inode), count: 0, xdata: null };
  };
  const made = (parent: Inode | null, files: number, dirs: number) => {
    account(parent, 0, files, dirs);
    return { stat: statOf({ mode: S_IFREG }), xdata: null } as never;
  };
  const statfs: StatfsReply = {
    bsize: 4096,
    frsize: 4096,
    blocks: 100_000,
    bfree: 90_000,
    bavail: 80_000,
    files: 1,
    ffree: 1,
    favail: 1,
    fsid: 0,
    flag: 0,
    namemax: 255,
    xdata: null,
  };
  /** The way from the root down to an inode. */
  const way = (inode: Inode): DirEntry[] => {
    const above = inode.isRoot || inode.parent === null ? [] : way(inode.parent);
    const dict = disk.get(inode.key) ?? new Dict();
    return [...above, { name: inode.isRoot ? '/' : inode.name, ino: 0n, offset: 0n, type: 0, stat: stat(inode), dict }];
  };
  const ways = new Map<Inode, DirEntry[]>();
  const below: Partial<Fops> = {
    writev: async (_c, { fd, offset, size }) => {
      await new Promise((resolve) => setImmediate(resolve));
      written.push(size);
      return { ...write(fd.inode, offset + size), count: size };
    },
    fallocate: (_c, { fd, offset, length }) => write(fd.inode, offset + length),
    stat: (_c, { inode }) => ({ stat: stat(inode), xdata: null }),
    create: (_c, { loc }) => made(loc.parent, 1, 0),
    mkdir: (_c, { loc }) => made(loc.parent, 0, 1),
    symlink: (_c, { loc }) => made(loc.parent, 1, 0),
    link: (_c, { newLoc }) => made(newLoc.parent, 1, 0),
    rename: (_c, { newLoc }) => made(newLoc.parent, 1, 0),
    statfs: () => statfs,
    lookup: (_c, { loc }) => ({
      stat: stat(loc.inode ?? file),
      postparent: stat(top),
      xdata: disk.get(loc.inode?.key ?? '') ?? new Dict(),
    }),
    readdirp: (_c, { fd }) => {
      read.push(fd.inode);
      const entries = ways.get(fd.inode) ?? way(fd.inode);
      if (entries.length === 0) throw failure(ESTALE);
      return { entries, errno: 0, xdata: null };
    },
  };
  const all = { ...OPTIONS, ...options };
  const quota = new QuotaTranslator({ name: 'v-quota', type: 'features/quota', options: all, brick, slot: 0 }, source);
  quota.next = lower(below);
  const xdata = null;
  const loc = (parent: Inode, inode: Inode | null = null, name = 'x') => ({ inode, parent, name });
  const limit = (dir: Inode, xattrs: Record<string, Uint8Array>) => void disk.set(dir.key, dictOf(xattrs));
  return {
    brick,
    source,
    quota,
    top,
    sub,
    file,
    other,
    disk,
    read,
    written,
    blocks,
    sizes,
    ways,
    limit,
    loc,
    account,
    write: (size: number, offset = 0, inode = file, by: Call = call) =>
      quota.writev(by, {
        fd: fdOf(inode, client),
        offset,
        size,
        flags: 0,
        region: undefined as never,
        start: 0,
        xdata,
      }),
    create: (parent: Inode, by: Call = call, marks: Dict | null = null) =>
      errnoOfAttempt(() => quota.create(by, { loc: loc(parent), flags: 2, mode: 0, umask: 0, pid: 1, xdata: marks })),
    mkdir: (parent: Inode, marks: Dict | null = null) =>
      errnoOfAttempt(() => quota.mkdir(call, { loc: loc(parent), mode: 0, umask: 0, xdata: marks })),
    numbers: () => {
      const numbers = { quota: null } as unknown as LayerNumbers;
      quota.count(numbers);
      return numbers.quota;
    },
  };
}

t.test('where no limit is, nothing is asked', async (t) => {
  const { write, create, source, read, sub } = setup();
  await write(4096);
  t.equal(await create(sub), 0);
  t.equal(read.length, 1, 'what is above was read once');
  await write(4096, 4096);
  t.equal(read.length, 1);
  t.equal(source.questions, 0);
});

t.test('a writer is cut to what is left, then refused', async (t) => {
  const { write, source, limit, top, written, numbers } = setup();
  limit(top, { [LIMIT]: limitValue(MB) });
  await write(600_000);
  t.same(written, [600_000]);
  t.equal(source.questions, 1, 'asked before the first');
  const { count } = await write(600_000, 600_064);
  t.equal(count, MB - 600_064, 'the write that crosses the limit ends at it');
  t.equal(await errnoOfAttempt(() => write(600_000, MB)), EDQUOT);
  t.equal(await errnoOfAttempt(() => write(1, MB)), EDQUOT);
  t.equal(await errnoOfAttempt(() => write(1, 0)), EDQUOT, 'an overwrite, too: as with the original');
  const q = numbers();
  t.equal(q?.refused, 4);
  t.same(q?.directories, [{ path: '/top', bytes: MB, objects: 1, bytesLimit: MB, objectsLimit: 0 }]);
});

t.test('what fops add is counted between answers', async (t) => {
  const { write, source, limit, top, file, sizes } = setup({}, 2);
  limit(top, { [LIMIT]: limitValue(100 * MB) });
  for (let i = 0; i < 500; i++) await write(131_072, i * 131_072);
  t.equal(source.questions, 1, 'below the soft limit one answer is enough');
  for (let i = 500; i < 2000; i++) {
    const end = (sizes.get(file) ?? 0) + 131_072;
    if ((await errnoOfAttempt(() => write(131_072, i * 131_072))) !== 0) {
      t.ok(end > 100 * MB, 'not refused before');
      break;
    }
  }
  t.equal(sizes.get(file), 100 * MB, 'not a byte beyond');
  t.ok(source.questions < 10, `${source.questions} questions`);
});

for (const timeouts of [{}, STRICT]) {
  const name = 'soft-timeout' in timeouts ? 'with every write checked' : 'with timeouts';
  t.test(`many writers stop at the limit, ${name}`, async (t) => {
    const { write, limit, top, sub, brick, sizes } = setup(timeouts, 3);
    limit(top, { [LIMIT]: limitValue(20 * MB) });
    const writers = Array.from({ length: 8 }, async (_, n) => {
      const own = brick.learnName(n % 2 === 0 ? sub : top, `w${n}`, gfidOf(200 + n), S_IFREG);
      for (let at = 0; ; ) {
        try {
          at += (await write(131_072, at, own)).count;
        } catch (error) {
          return { errno: (error as { errno: number }).errno, bytes: sizes.get(own) ?? 0 };
        }
      }
    });
    const ends = await Promise.all(writers);
    for (const { errno } of ends) t.equal(errno, EDQUOT);
    const sum = ends.reduce((all, { bytes }) => all + bytes, 0);
    t.equal(sum, 20 * MB, 'they fill it to the byte');
  });
}

t.test('every directory above counts', async (t) => {
  const { write, limit, top, sub, brick, source, account } = setup();
  limit(brick.root, { [LIMIT]: limitValue(10 * MB) });
  limit(top, { [LIMIT]: limitValue(MB) });
  limit(sub, { [LIMIT]: limitValue(5 * MB) });
  t.equal((await write(2 * MB)).count, MB, 'the least limit counts');
  t.equal(source.questions, 3, 'each is asked about once');
  account(brick.root, 20 * MB, 0, 0);
  const { write: write2, limit: limit2, brick: brick2, account: account2, sub: sub2 } = setup();
  limit2(brick2.root, { [LIMIT]: limitValue(10 * MB) });
  account2(sub2, 10 * MB, 0, 0);
  t.equal(await errnoOfAttempt(() => write2(1)), EDQUOT, 'the root is full');
});

t.test('a file with names in several directories counts in each', async (t) => {
  const { write, limit, other, file } = setup();
  (file.aliases ??= []).push({ parent: other, name: 'second' });
  limit(other, { [LIMIT]: limitValue(4096) });
  t.equal((await write(8192)).count, 4096);
});

t.test('limits of objects', async (t) => {
  const { create, mkdir, limit, top, sub, write, account, quota, loc, other, file } = setup(STRICT);
  limit(top, { [OBJECTS]: limitValue(6) });
  account(top, 0, 0, 1);
  t.equal(await create(sub), 0);
  t.equal(await mkdir(sub), 0);
  t.equal(await create(top), 0);
  t.equal(await create(top), 0, 'two directories before, six objects now');
  t.equal(await create(sub), EDQUOT);
  t.equal(await mkdir(top), EDQUOT);
  const symlink = { loc: loc(sub), target: 'x', umask: 0, xdata: null };
  t.equal(await errnoOfAttempt(() => quota.symlink(call, symlink)), EDQUOT);
  const link = { inode: file, newLoc: loc(top), xdata: null };
  t.equal(await errnoOfAttempt(() => quota.link(call, link)), EDQUOT);
  const same = { inode: file, newLoc: loc(sub), xdata: null };
  t.equal(await errnoOfAttempt(() => quota.link(call, same)), 0, 'in a directory that has it already');
  const within = { oldLoc: loc(sub, file, 'file'), newLoc: loc(top), xdata: null };
  t.equal(await errnoOfAttempt(() => quota.rename(call, within)), 0, 'below the limit it is already');
  const out = { oldLoc: loc(sub, file, 'file'), newLoc: loc(other), xdata: null };
  t.equal(await errnoOfAttempt(() => quota.rename(call, out)), 0);
  t.equal((await write(4096)).count, 4096, 'bytes are not limited');
});

t.test('files and directories that are moved take along what they use', async (t) => {
  const { limit, top, sub, other, file, quota, loc, blocks, account, source, brick } = setup();
  limit(other, { [LIMIT]: limitValue(MB), [OBJECTS]: limitValue(10) });
  const rename = (oldLoc: ReturnType<typeof loc>, newLoc: ReturnType<typeof loc>, by = call) =>
    errnoOfAttempt(() => quota.rename(by, { oldLoc, newLoc, xdata: null }));
  blocks.set(file, 4096);
  t.equal(await rename(loc(sub, file, 'file'), loc(other)), EDQUOT, 'a file of 2 MB');
  blocks.set(file, 1024);
  t.equal(await rename(loc(sub, file, 'file'), loc(other)), 0);
  const { questions } = source;
  account(sub, 2 * MB, 20, 0);
  t.equal(await rename(loc(top, sub, 'sub'), loc(brick.root)), 0);
  t.equal(source.questions, questions, 'no limit on that way: nobody is asked');
  t.equal(await rename(loc(top, sub, 'sub'), loc(other)), EDQUOT, 'a directory of 2 MB');
  source.usages.set(sub.key, { bytes: 0, files: 8, dirs: 2 });
  t.equal(await rename(loc(top, sub, 'sub'), loc(other)), EDQUOT, 'a directory with 10 objects');
  source.usages.set(sub.key, { bytes: 0, files: 1, dirs: 1 });
  t.equal(await rename(loc(top, sub, 'sub'), loc(other)), 0);
  source.usages.set(sub.key, { bytes: 9 * MB, files: 99, dirs: 1 });
  source.failing = EIO;
  t.equal(await rename(loc(top, sub, 'sub'), loc(other)), EIO, 'the failure of quotad is passed on as it is');
  t.equal(await rename(loc(top, sub, 'sub'), loc(other), internal), 0, "Gluster's own ask nobody");
});

t.test("Gluster's own clients are counted, never refused", async (t) => {
  const { write, create, mkdir, limit, top, sub, source } = setup();
  limit(top, { [LIMIT]: limitValue(MB), [OBJECTS]: limitValue(3) });
  await write(4096);
  t.equal((await write(2 * MB, 0, undefined, internal)).count, 2 * MB);
  t.equal(await create(sub, internal), 0);
  t.equal(source.questions, 1);
  t.equal(await errnoOfAttempt(() => write(1)), EDQUOT, 'clients are');
  const mark = new Dict().setInt('glusterfs-internal-fop', 1);
  t.equal(await create(sub, call, mark), 0, 'files that they make for themselves');
  t.equal(
    await mkdir(sub, new Dict().setBytes('glusterfs.internal-ctx', Uint8Array.of(1))),
    0,
    'directories that are healed',
  );
  t.equal(await mkdir(sub, new Dict().setBytes('glusterfs.internal-ctx', Uint8Array.of(0))), EDQUOT);
});

t.test('names and limits that are not known are read', async (t) => {
  const { write, limit, top, sub, file, ways, read, brick, quota } = setup();
  limit(top, { [LIMIT]: limitValue(4096) });
  await write(0);
  t.same(read, [sub], 'all directories at once');
  const stray = brick.adoptInode(gfidOf(300), S_IFREG);
  const at = (name: string, inode: Inode, dict: Dict): DirEntry => ({
    name,
    ino: 0n,
    offset: 0n,
    type: 0,
    stat: statOf({ mode: inode.type, gfid: inode.gfid }),
    dict,
  });
  ways.set(stray, [
    at('/', brick.root, new Dict()),
    at('top', top, dictOf({ [LIMIT]: limitValue(4096) })),
    at('stray', stray, new Dict()),
  ]);
  t.equal((await write(8192, 0, stray)).count, 4096);
  t.equal(stray.parent, top);
  const gone = brick.adoptInode(gfidOf(301), S_IFREG);
  ways.set(gone, []);
  t.equal((await write(8192, 0, gone)).count, 8192, 'a file that has lost its names is in no directory');
  const { length } = read;
  await write(8192, 0, gone);
  t.equal(read.length, length, 'that is not looked for again');
  const now = performance.now;
  t.teardown(() => {
    performance.now = now;
  });
  performance.now = () => now.call(performance) + UNNAMED_MS;
  ways.set(gone, [
    at('/', brick.root, new Dict()),
    at('top', top, dictOf({ [LIMIT]: limitValue(4096) })),
    at('gone', gone, new Dict()),
  ]);
  t.equal(await errnoOfAttempt(() => write(8192, 0, gone)), EDQUOT, 'until a while has passed');
  performance.now = now;
  quota.forget(top);
  await errnoOfAttempt(() => write(1, 0, file));
  t.equal(read.length, length + 2, 'what was forgotten is read anew');
});

t.test('limits change while fops run', async (t) => {
  const { write, limit, top, quota, disk, file } = setup();
  await write(4096);
  const set = (values: Record<string, Uint8Array>, by = internal) =>
    errnoOfAttempt(() => quota.setxattr(by, { inode: top, dict: dictOf(values), flags: 0, xdata: null }));
  t.equal(await set({ [LIMIT]: limitValue(8192) }), 0);
  t.equal(await set({ [OBJECTS]: limitValue(100) }), 0, 'the other limit stays');
  t.equal((await write(8192, 4096)).count, 4096);
  t.equal(await set({ [LIMIT]: limitValue(16384) }), 0);
  t.equal((await write(16384, 8192)).count, 8192, 'raised');
  t.equal(await errnoOfAttempt(() => quota.removexattr(internal, { inode: top, name: LIMIT, xdata: null })), 0);
  t.equal((await write(16384, 16384)).count, 16384, 'removed');
  limit(top, { [LIMIT]: limitValue(1) });
  const args = { loc: { inode: top, parent: null, name: '' }, gfid: null, xdata: null };
  await quota.lookup(call, args);
  t.equal(await errnoOfAttempt(() => write(1)), EDQUOT, 'a look-up shows what somebody has set on the brick');
  disk.set(top.key, dictOf({ [LIMIT]: Uint8Array.of(1, 2, 3) }));
  await quota.lookup(call, args);
  t.equal((await write(1)).count, 1);
  t.match(
    lines.find((l) => l.severity === 4)?.text,
    /^\/brick: \/top has a malformed trusted.glusterfs.quota.limit-set/,
  );
  await quota.reconfigure({ ...OPTIONS, 'server-quota': false });
  t.notOk(quota.wants(), 'switched off, no fop comes by');
  limit(top, { [LIMIT]: limitValue(1) });
  await quota.reconfigure(OPTIONS);
  t.equal(await errnoOfAttempt(() => write(1)), EDQUOT, 'limits are read anew');
  t.ok(file.parent);
});

t.test('limits that were read before they were changed do not count', async (t) => {
  const { write, limit, top, quota, disk } = setup();
  limit(top, { [LIMIT]: limitValue(4096) });
  const { next } = quota;
  const old = disk.get(top.key) ?? null;
  const raise = () =>
    quota.setxattr(internal, { inode: top, dict: dictOf({ [LIMIT]: limitValue(8192) }), flags: 0, xdata: null });
  let raised = false;
  quota.next = lower({
    ...next,
    writev: next.writev,
    stat: next.stat,
    setxattr: (_c, { dict }) => {
      raised = true;
      disk.set(top.key, dict);
      return { xdata: null };
    },
    readdirp: async (c, args) => {
      const read = await next.readdirp(c, args);
      if (!raised) await raise();
      return read;
    },
    lookup: async () => {
      await raise();
      return { stat: statOf({ mode: S_IFDIR, gfid: top.gfid }), postparent: statOf({}), xdata: old };
    },
  });
  t.equal((await write(16_384)).count, 8192, 'set while they were read for a write');
  t.ok(raised);
  await quota.lookup(call, { loc: { inode: top, parent: null, name: '' }, gfid: null, xdata: null });
  t.equal(await errnoOfAttempt(() => write(1)), EDQUOT);
  t.equal(quota.dump()[1]?.lines[1], 'hard-limit=8192', 'set while a look-up was under way');
});

t.test('a storm of fops while limits are set and removed', async (t) => {
  const { write, create, mkdir, top, sub, brick, quota, source, numbers } = setup(STRICT, 1);
  const next = random(7);
  const set = (values: Record<string, Uint8Array>) =>
    errnoOfAttempt(() => quota.setxattr(internal, { inode: top, dict: dictOf(values), flags: 0, xdata: null }));
  const errors = new Set<number>();
  const worker = async (n: number) => {
    const own = brick.learnName(n % 2 === 0 ? sub : top, `s${n}`, gfidOf(400 + n), S_IFREG);
    for (let at = 0; at < 60; at++) {
      const dice = next(20);
      if (dice === 0) await set({ [LIMIT]: limitValue((1 + next(8)) * MB), [OBJECTS]: limitValue(20 + next(100)) });
      else if (dice === 1) await quota.removexattr(internal, { inode: top, name: LIMIT, xdata: null });
      else if (dice < 6) errors.add(await create(sub));
      else if (dice < 9) errors.add(await mkdir(top));
      else errors.add(await errnoOfAttempt(() => write(65_536, next(20) * 65_536, own)));
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, n) => worker(n)));
  t.same([...errors].sort(), [0, EDQUOT], 'fops succeed or are refused, nothing else');
  await set({ [LIMIT]: limitValue(1000 * MB), [OBJECTS]: limitValue(100_000) });
  await write(512, 0);
  await write(512, 0);
  const usage = source.usages.get(top.key);
  t.equal(numbers()?.directories[0]?.bytes, usage?.bytes, 'nothing is left over of what was reserved');
  t.equal(numbers()?.directories[0]?.objects, (usage?.files ?? 0) + (usage?.dirs ?? 0));
});

t.test('clients can not forge', async (t) => {
  const { quota, top } = setup();
  const names = [
    LIMIT,
    `${OBJECTS}.1`,
    'trusted.glusterfs.quota.size.1',
    'trusted.glusterfs.quota.dirty',
    'trusted.pgfid.x',
  ];
  for (const name of names) {
    const dict = dictOf({ 'user.a': 'b', [name]: limitValue(1) });
    const fd = fdOf(top, client);
    t.equal(await errnoOfAttempt(() => quota.setxattr(call, { inode: top, dict, flags: 0, xdata: null })), EPERM, name);
    t.equal(await errnoOfAttempt(() => quota.fsetxattr(call, { fd, dict, flags: 0, xdata: null })), EPERM);
    t.equal(await errnoOfAttempt(() => quota.removexattr(call, { inode: top, name, xdata: null })), EPERM);
    t.equal(await errnoOfAttempt(() => quota.fremovexattr(call, { fd, name, xdata: null })), EPERM);
    t.equal(await errnoOfAttempt(() => quota.setxattr(internal, { inode: top, dict, flags: 0, xdata: null })), 0);
    const marked = dictOf({ 'glusterfs-internal-fop': 1 });
    t.equal(await errnoOfAttempt(() => quota.setxattr(call, { inode: top, dict, flags: 0, xdata: marked })), 0);
  }
  const dict = dictOf({ 'user.a': 'b' });
  t.equal(await errnoOfAttempt(() => quota.setxattr(call, { inode: top, dict, flags: 0, xdata: null })), 0);
});

t.test('statfs shows the nearest limit', async (t) => {
  const { quota, limit, top, sub, file, brick, account } = setup();
  limit(top, { [LIMIT]: limitValue(100 * MB) });
  limit(brick.root, { [LIMIT]: limitValue(500 * MB) });
  account(sub, 40 * MB, 1, 0);
  const statfs = async (inode: Inode, xdata: Dict | null = null) => await quota.statfs(call, { inode, xdata });
  for (const inode of [top, sub, file]) {
    const s = await statfs(inode);
    t.match(s, { blocks: 25600, bfree: 15360, bavail: 15360 });
    t.equal(s.xdata?.number('quota-deem-statfs'), 1);
  }
  t.match(await statfs(brick.root), { blocks: 128000 });
  t.match(await statfs(top, dictOf({ 'ignore-deem-statfs': 1 })), { blocks: 100_000, bavail: 80_000 });
  await quota.reconfigure({ ...OPTIONS, 'deem-statfs': false });
  const s = await statfs(top);
  t.match(s, { blocks: 100_000, bavail: 80_000 });
  t.equal(s.xdata, null);
});

t.test('a quotad that is away', async (t) => {
  const { write, source, limit, top, other, brick } = setup();
  limit(top, { [LIMIT]: limitValue(MB) });
  source.failing = ENOTCONN;
  t.equal(await errnoOfAttempt(() => write(4096)), ENOTCONN, 'nothing is known');
  const free = brick.learnName(other, 'free', gfidOf(310), S_IFREG);
  t.equal((await write(4096, 0, free)).count, 4096, 'where no limit is, nobody is asked');
  source.failing = 0;
  await write(4096);
  source.failing = ENOTCONN;
  const { count } = await write(2 * MB, 4096);
  t.equal(count, MB - 4096, 'what is known last goes on counting');
  t.equal(await errnoOfAttempt(() => write(1)), EDQUOT);

  const strict = setup(STRICT);
  strict.limit(strict.top, { [LIMIT]: limitValue(MB) });
  await strict.write(4096);
  strict.source.failing = ENOTCONN;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(await errnoOfAttempt(() => strict.write(4096)), ENOTCONN, 'not where every fop is to be checked');
});

t.test('one line about the soft limit in every alert-time', async (t) => {
  const { write, limit, top, quota } = setup({ 'alert-time': 1 });
  limit(top, { [LIMIT]: limitValue(MB, 50) });
  await write(300_000);
  t.equal(lines.length, 0);
  for (let i = 1; i < 20; i++) await write(30_000, 300_000 + i * 30_000);
  t.equal(lines.length, 1);
  t.match(lines[0], { severity: 2, msgid: 120004 });
  t.match(
    lines[0]?.text,
    /^Usage crossed soft limit: [\d.]+KB used by \/top \(soft limit 512.0KB, hard limit 1.0MB\)$/,
  );
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await write(1);
  t.equal(lines.length, 2, 'again, once it is over');
  await quota.reconfigure(OPTIONS);
  await write(1);
  t.equal(lines.length, 2);
});

t.test('what the limit is, as text', async (t) => {
  const { quota, write, limit, top } = setup();
  limit(top, { [LIMIT]: limitValue(MB) });
  await write(4096);
  const { dict } = await quota.getxattr(call, { inode: top, name: 'trusted.limit.LIST', xdata: null });
  t.equal(dict?.text('trusted.limit.list'), `4096,${MB}`);
  const dump = quota.dump();
  t.match(dump[0]?.lines, ['soft-timeout=60', 'hard-timeout=5', 'alert-time=86400', 'quota-on=1', 'statfs=1']);
  t.match(dump[1]?.lines, ['path=/top', `hard-limit=${MB}`]);
});
