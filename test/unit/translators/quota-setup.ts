/** Quota above a disk for tests, and a quotad that tells of what has been written there when it was asked, or a little later. */
import type { Options } from '../../../brickd/translators/features/quota/options.js';
import { QuotaTranslator } from '../../../brickd/translators/features/quota/quota.js';
import type { TreeUsage } from '../../../brickd/translators/features/quota/quota-xattrs.js';
import { UsageSource } from '../../../brickd/translators/features/quota/usage-source.js';
import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { DirEntry, Fops, StatfsReply } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import type { LayerNumbers } from '../../../mux/xlator/translator.js';
import { ESTALE } from '../../../native/errno.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, gfidOf, lower, statOf } from './harness.js';

export const S_IFREG = 0o100000;
export const S_IFDIR = 0o040000;
export const LIMIT = 'trusted.glusterfs.quota.limit-set';
export const OBJECTS = 'trusted.glusterfs.quota.limit-objects';
export const MB = 1 << 20;
export const OPTIONS: Options = {
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
export const STRICT = { 'soft-timeout': 0, 'hard-timeout': 0 };
export const client = new FakeClient();
export const call = callOf(client);
export const internal = callOf(client, { pid: -6 });

export function limitValue(hard: number, soft = -1): Uint8Array {
  const value = Buffer.alloc(16);
  value.writeBigInt64BE(BigInt(hard), 0);
  value.writeBigInt64BE(BigInt(soft), 8);
  return value;
}

/** What quotad would answer, by the keys of directories. */
class FakeSource extends UsageSource {
  readonly usages = new Map<string, TreeUsage>();
  failing = 0;
  delayMs = 0;
  override start(): void {}
  override async stop(): Promise<void> {}
  override async usage(key: string): Promise<TreeUsage> {
    this.questions++;
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const answer = this.usages.get(key) ?? { bytes: 0, files: 0, dirs: 1 };
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.failing !== 0) throw failure(this.failing);
    return answer;
  }
}

/** /top/sub/file, with the quota translator above. delayMs: half the time that an answer of quotad takes. */
export function setup(options: Partial<Options> = {}, delayMs = 0) {
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
