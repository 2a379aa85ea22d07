import { execFileSync } from 'node:child_process';
import { appendFileSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MarkerTranslator } from '../../../brickd/translators/features/marker/marker.js';
import type { Options } from '../../../brickd/translators/features/marker/options.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { FOP_NAMES } from '../../../mux/xlator/fop-table.js';
import type { FopName, Fops } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { Fd, type Inode } from '../../../mux/xlator/inode.js';
import type { BrickContext } from '../../../mux/xlator/translator.js';
import { EPERM } from '../../../native/errno.js';
import { S_IFDIR } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';
import { pause } from '../../support/until.js';
import { Brick, client, errnoOf, NEW } from '../posix/harness.js';
import { random } from './harness.js';

t.setTimeout(120_000);

const QUOTA = 'trusted.glusterfs.quota.';

const OPTIONS: Options = {
  'volume-uuid': '0c93bc7d-1b0a-4b1c-8a4e-0d2a4c1a2b3c',
  'timestamp-file': '/nonexistent',
  quota: true,
  'inode-quota': true,
  xtime: false,
  'gsync-force-xtime': false,
  'quota-version': 1,
};

/** A brick on disk with the marker above it. */
class QuotaBrick extends Brick {
  marker!: MarkerTranslator;

  async serve(options: Partial<Options> = {}): Promise<this> {
    await this.start({ 'update-link-count-parent': 'on' });
    const next = {} as Record<FopName, unknown>;
    for (const name of FOP_NAMES) next[name] = this.storage[name];
    this.marker = new MarkerTranslator({
      name: 'v-marker',
      type: 'features/marker',
      options: { ...OPTIONS, ...options },
      brick: this.#contextUntilCrash(),
      slot: 1,
    });
    this.marker.next = next as unknown as Fops;
    const fops = new Set<string>(FOP_NAMES);
    const above = this.marker as unknown as Fops;
    this.posix = new Proxy(this.disk, {
      get: (disk, key) => {
        if (typeof key === 'string' && fops.has(key) && this.marker.wants(key as FopName)) {
          return above[key as FopName].bind(this.marker);
        }
        const value: unknown = Reflect.get(disk, key, disk);
        return typeof value === 'function' ? value.bind(disk) : value;
      },
    });
    await this.marker.init();
    return this;
  }

  async end(): Promise<void> {
    await this.marker.fini();
    await this.stop();
  }

  /** Nothing that the marker has not stored yet ever comes to the disk. */
  async crash(): Promise<void> {
    this.#crashes++;
    await this.stop();
  }

  #crashes = 0;

  #contextUntilCrash(): BrickContext {
    const { context } = this;
    const crashes = this.#crashes;
    const storage = new Proxy(context.storage, {
      get: (disk, fop: FopName) => (call: never, args: never) =>
        crashes === this.#crashes ? disk[fop](call, args) : new Promise(() => {}),
    });
    const timer: BrickContext['timer'] = (ms, repeat, run) =>
      context.timer(ms, repeat, () => {
        if (crashes === this.#crashes) run();
      });
    return { ...context, storage, timer };
  }

  async write(inode: Inode, size: number, offset = 0): Promise<void> {
    const fd = new Fd(inode, 2, client, 1, true);
    const call = this.call(NEW);
    call.holdFd(fd);
    const data = region(Math.max(size, 1));
    try {
      await this.posix.writev(call, { fd, offset, size, flags: 0, region: data, start: 0, xdata: null });
    } finally {
      data.release();
      call.end((f) => this.disk.release(f));
    }
  }

  async truncate(inode: Inode, offset: number): Promise<void> {
    await this.posix.truncate(this.call(NEW), { inode, offset, xdata: null });
  }

  async link(inode: Inode, parent: Inode, name: string): Promise<void> {
    const newLoc = { inode, parent, name };
    const r = await this.posix.link(this.call(NEW), { inode, newLoc, xdata: null });
    this.table.link(parent, name, r.stat.gfid, r.stat.mode);
  }
}

/** What is still wrong on record when it has had time to be settled. */
async function wrongInTheEnd(brick: Brick, version?: string): Promise<string[]> {
  for (let left = 40; left > 0; left--) {
    if (wrong(brick.dir, version).length === 0) return [];
    await pause(200);
  }
  return wrong(brick.dir, version);
}

interface Found {
  /** bytes/files/dirs */
  size: string;
  dirty: string;
  contributions: Map<string, string>;
  gfid: string;
}

function figures(hex: string): string {
  const words = hex.slice(2).match(/.{16}/g) ?? [];
  return words.map((word) => BigInt.asIntN(64, BigInt(`0x${word}`))).join('/');
}

/** Quota's xattrs of everything on a brick, by path. */
function onRecord(dir: string, version = '.1'): Map<string, Found> {
  const text = execFileSync('getfattr', ['-RhP', '--absolute-names', '-d', '-m', '.', '-e', 'hex', dir]).toString();
  const all = new Map<string, Found>();
  for (const part of text.split('\n\n')) {
    const [head, ...lines] = part.trim().split('\n');
    const path = head?.slice('# file: '.length) ?? '';
    if (path === '' || path.startsWith(`${dir}/.glusterfs`)) continue;
    const found: Found = { size: '-', dirty: '-', contributions: new Map(), gfid: '' };
    for (const line of lines) {
      const [name = '', value = ''] = line.split('=');
      if (name === 'trusted.gfid') found.gfid = value.slice(2);
      else if (name === `${QUOTA}size${version}`) found.size = figures(value);
      else if (name === `${QUOTA}dirty`) found.dirty = Buffer.from(value.slice(2), 'hex').toString('latin1', 0, 1);
      else if (name.startsWith(QUOTA) && name.endsWith(`.contri${version}`)) {
        found.contributions.set(name.slice(QUOTA.length).split('.')[0]?.replaceAll('-', '') ?? '', figures(value));
      }
    }
    all.set(path, found);
  }
  return all;
}

const bytesOf = (s: Stats): number => Math.min(s.blocks, Math.ceil(s.size / 512)) * 512;

/** Where what is on record differs from what is there. */
function wrong(dir: string, version = '.1'): string[] {
  const record = onRecord(dir, version);
  const problems: string[] = [];
  const visit = (path: string): [number, number, number] => {
    const total: [number, number, number] = [0, 0, 1];
    const seen = new Set<number>();
    const own = record.get(path);
    for (const name of readdirSync(path)) {
      if (path === dir && name === '.glusterfs') continue;
      const at = join(path, name);
      const s = lstatSync(at);
      let gives = '';
      if (s.isDirectory()) {
        const below = visit(at);
        for (let i = 0; i < 3; i++) total[i]! += below[i]!;
        gives = below.join('/');
      } else {
        gives = `${bytesOf(s)}/1`;
        if (!seen.has(s.ino)) {
          total[0] += bytesOf(s);
          total[1] += 1;
        }
        seen.add(s.ino);
      }
      const given = record.get(at)?.contributions.get(own?.gfid ?? '');
      if (given !== gives) problems.push(`${at.slice(dir.length)} gives ${given}, has ${gives}`);
      const parents = s.isDirectory() ? 1 : undefined;
      const count = record.get(at)?.contributions.size;
      if (parents !== undefined && count !== parents) problems.push(`${at.slice(dir.length)} gives to ${count}`);
    }
    if (own?.size !== total.join('/'))
      problems.push(`${path.slice(dir.length)}/ is ${own?.size}, holds ${total.join('/')}`);
    if (own?.dirty === '1') problems.push(`${path.slice(dir.length)}/ is dirty`);
    return total;
  };
  visit(dir);
  return problems;
}

t.test('writes, names and directories are accounted for', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const { root } = brick;
  t.same(await wrongInTheEnd(brick), [], 'the root is counted at start');

  const a = await brick.mkdir(root, 'a');
  const b = await brick.mkdir(a.inode, 'b');
  const f = await brick.mknod(b.inode, 'f');
  await brick.write(f.inode, 10_000);
  for (let i = 0; i < 50; i++) await brick.write(f.inode, 100, i * 100);
  t.same(await wrongInTheEnd(brick), []);
  t.equal(onRecord(brick.dir).get(join(brick.dir, 'a'))?.size, '10240/1/2');

  t.comment('names in the same and another directory');
  await brick.link(f.inode, b.inode, 'g');
  await brick.link(f.inode, a.inode, 'h');
  t.same(await wrongInTheEnd(brick), []);
  t.equal(onRecord(brick.dir).get(brick.dir)?.size, '20480/2/3', 'once for each directory that has a name of it');
  await brick.truncate(f.inode, 1000);
  t.same(await wrongInTheEnd(brick), [], 'a write through one name counts for all');
  await brick.unlink(b.inode, 'f');
  await brick.rename(b.inode, 'g', a.inode, 'g');
  t.same(await wrongInTheEnd(brick), []);
  await brick.unlink(a.inode, 'g');
  await brick.unlink(a.inode, 'h');
  t.same(await wrongInTheEnd(brick), []);
  t.equal(onRecord(brick.dir).get(brick.dir)?.size, '0/0/3');

  t.comment('a directory moves with all that is in it');
  const c = await brick.mkdir(root, 'c');
  const g = await brick.mknod(b.inode, 'g');
  await brick.write(g.inode, 5000);
  await brick.rename(a.inode, 'b', c.inode, 'd');
  t.same(await wrongInTheEnd(brick), []);
  await brick.unlink(b.inode, 'g');
  await brick.rmdir(c.inode, 'd');
  t.same(await wrongInTheEnd(brick), []);
  await brick.end();
});

t.test('whatever follows what, the figures are right once all is over', async (t) => {
  for (const seed of [1, 2]) {
    const brick = await new QuotaBrick().serve();
    t.teardown(() => brick.remove());
    await storm(brick, seed, 120);
    await brick.end();
    t.same(wrong(brick.dir), [], `seed ${seed}, at a clean stop`);
  }
});

t.test('a crash is made good at the next start', async (t) => {
  for (const seed of [4, 5]) {
    const brick = await new QuotaBrick().serve();
    t.teardown(() => brick.remove());
    await storm(brick, seed, 120);
    await pause(20);
    await brick.crash();
    t.not(wrong(brick.dir).length, 0, 'something was not on record yet');
    await brick.serve();
    t.same(await wrongInTheEnd(brick), [], `seed ${seed}`);
    await brick.end();
  }
});

const setXattr = (path: string, name: string, hex: string) =>
  execFileSync('setfattr', ['-h', '-n', name, '-v', `0x${hex}`, path]);
const removeXattr = (path: string, name: string) => execFileSync('setfattr', ['-h', '-x', name, path]);
const ROOT_CONTRIBUTION = `${QUOTA}00000000-0000-0000-0000-000000000001.contri.1`;
const word = (n: number) => n.toString(16).padStart(16, '0');

/** a/b with two files, as a crash leaves it: more on record in b than there is, and flags from the root down. */
async function leftDirty(brick: QuotaBrick): Promise<{ a: Inode; b: Inode }> {
  const { inode: a } = await brick.mkdir(brick.root, 'a');
  const { inode: b } = await brick.mkdir(a, 'b');
  for (const name of ['f', 'g']) await brick.write((await brick.mknod(b, name)).inode, 5000);
  await wrongInTheEnd(brick);
  await brick.end();
  setXattr(brick.path('a/b'), `${QUOTA}size.1`, word(9 * 5120) + word(9) + word(1));
  for (const path of ['', 'a', 'a/b']) setXattr(join(brick.dir, path), `${QUOTA}dirty`, '3100');
  return { a, b };
}

t.test('a crash is made good although clients go on before anything is counted', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const { a, b } = await leftDirty(brick);
  await brick.serve();
  for (const { gfid } of [a, b]) await brick.mknod(brick.context.adoptInode(gfid, S_IFDIR), 'new');
  t.same(await wrongInTheEnd(brick), []);
  await brick.end();
});

t.test('what a crash has left is counted at a later start if the brick ends before', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const { a, b } = await leftDirty(brick);
  await brick.serve();
  for (const { gfid } of [a, b]) await brick.mknod(brick.context.adoptInode(gfid, S_IFDIR), 'new');
  await brick.end();
  await brick.serve();
  t.same(await wrongInTheEnd(brick), []);
  await brick.end();
});

t.test('what was there before quota was enabled is counted', async (t) => {
  const brick = await new QuotaBrick().serve({ quota: false, 'quota-version': 0 });
  t.teardown(() => brick.remove());
  await storm(brick, 6, 80);
  t.equal(onRecord(brick.dir).get(brick.dir)?.size, '-');
  await brick.marker.reconfigure({ ...OPTIONS, 'quota-version': 3 });
  brick.marker.next = { ...brick.marker.next };
  t.same(await wrongInTheEnd(brick, '.3'), []);
  await brick.end();
});

t.test('clients see sizes without version, and nothing of what is internal', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const { root } = brick;
  t.same(await wrongInTheEnd(brick), []);
  const a = await brick.mkdir(root, 'a');
  const f = await brick.mknod(a.inode, 'f');
  await brick.write(f.inode, 3000);
  const asked = await brick.lookup(root, 'a', new Dict().setInt(`${QUOTA}size`, 0));
  t.same([...(asked.xdata?.map.keys() ?? [])], [`${QUOTA}size`]);
  const value = Buffer.from(asked.xdata?.bytes(`${QUOTA}size`) ?? []);
  t.equal(figures(`0x${value.toString('hex')}`), '3072/1/1', 'whoever asks waits for what was written');
  t.same([...((await brick.lookup(root, 'a')).xdata?.map.keys() ?? [])], []);
  const all = await brick.posix.getxattr(brick.call(), { inode: a.inode, name: '', xdata: null });
  t.same(
    [...(all.dict?.map.keys() ?? [])].filter((key) => key.includes('quota') || key.includes('pgfid')),
    [`${QUOTA}size`],
  );
  const limit = new Dict().setBytes(`${QUOTA}limit-set`, new Uint8Array(16));
  await brick.posix.setxattr(brick.call(), { inode: a.inode, dict: limit, flags: 0, xdata: null });
  t.equal(brick.xattr(brick.path('a'), `${QUOTA}limit-set.1`), '0'.repeat(32));
  const one = await brick.posix.getxattr(brick.call(), { inode: a.inode, name: `${QUOTA}limit-set`, xdata: null });
  t.equal(one.dict?.bytes(`${QUOTA}limit-set`)?.length, 16);
  await brick.posix.removexattr(brick.call(), { inode: a.inode, name: `${QUOTA}limit-set`, xdata: null });
  t.equal(brick.xattr(brick.path('a'), `${QUOTA}limit-set.1`), null);
  await brick.end();
});

t.test('directories are counted while others change them', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const shared: Named[] = [{ inode: brick.root, parent: null, name: '' }];
  let storms = 4;
  const ended = () => storms--;
  const all = [11, 12, 13, 14].map((seed) => storm(brick, seed, 60, shared).finally(ended));
  let version = 1;
  while (storms > 0) {
    await pause(300);
    // Each leaves its xattrs, and a file has room for some only.
    if (version < 4) await brick.marker.reconfigure({ ...OPTIONS, 'quota-version': ++version });
  }
  await Promise.all(all);
  t.same(await wrongInTheEnd(brick, `.${version}`), [], `version ${version}`);
  await brick.end();
});

t.test('look-ups and listings set right what is wrong on record', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const { root } = brick;
  const a = await brick.mkdir(root, 'a');
  const b = await brick.mkdir(a.inode, 'b');
  for (const [parent, name] of [
    [root, 'f'],
    [a.inode, 'g'],
    [a.inode, 'h'],
    [b.inode, 'i'],
  ] as const) {
    await brick.write((await brick.mknod(parent, name)).inode, 5000);
  }
  t.same(await wrongInTheEnd(brick), []);
  await brick.end();

  setXattr(brick.path('f'), ROOT_CONTRIBUTION, word(512) + word(1));
  setXattr(brick.dir, `${QUOTA}size.1`, word(512 + 3 * 5120) + word(4) + word(3));
  const aOfG = `${QUOTA}${gfidText(a.inode.gfid)}.contri.1`;
  removeXattr(brick.path('a/g'), aOfG);
  setXattr(brick.path('a'), `${QUOTA}size.1`, word(99) + word(9) + word(2));
  setXattr(brick.path('a'), `${QUOTA}dirty`, '3100');
  t.comment('a release before 3.7: bytes only');
  setXattr(brick.path('a/b'), `${QUOTA}size.1`, word(5120));
  await brick.serve();
  t.not((await wrongInTheEnd(brick)).length, 0, 'nobody has looked');
  await brick.lookup(root, 'f');
  await brick.lookup(root, 'a');
  t.same(await wrongInTheEnd(brick), [], 'a look-up of the file, and one of the dirty directory');
  await brick.end();

  removeXattr(brick.path('a/h'), aOfG);
  setXattr(brick.path('a'), `${QUOTA}size.1`, word(2 * 5120) + word(2) + word(2));
  setXattr(brick.path('a'), ROOT_CONTRIBUTION, word(2 * 5120) + word(2) + word(2));
  setXattr(brick.dir, `${QUOTA}size.1`, word(3 * 5120) + word(3) + word(3));
  await brick.serve();
  const fd = await brick.opendir(a.inode);
  const listing = await brick.posix.readdirp(brick.call(), { fd, offset: 0n, size: 65536, xdata: null });
  t.same(new Set(listing.entries.flatMap(({ dict }) => [...(dict?.map.keys() ?? [])])), new Set(), 'not shown');
  brick.disk.releasedir(fd);
  t.same(await wrongInTheEnd(brick), [], 'a listing');
  await brick.end();
});

t.test('a file that takes a block with its first look-up is counted with that', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  await brick.mknod(brick.root, 'f');
  t.same(await wrongInTheEnd(brick), []);
  await brick.end();

  const path = brick.path('f');
  execFileSync('setfattr', ['-x', `trusted.pgfid.${gfidText(brick.root.gfid)}`, path]);
  await brick.serve();
  const { next } = brick.marker;
  const lookup = next.lookup.bind(next);
  next.lookup = async (call, a) => {
    const reply = await lookup(call, a);
    // As a symbolic link does by the number of its names that storage adds, where the inode has no more room for xattrs.
    appendFileSync(path, Buffer.alloc(5000, 1));
    return reply;
  };
  const { blocks } = lstatSync(path);
  await brick.lookup(brick.root, 'f');
  t.ok(lstatSync(path).blocks > blocks);
  t.same(await wrongInTheEnd(brick), []);
  await brick.end();
});

t.test('pointers of distribute do not count until they become files', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const { root } = brick;
  const { inode } = await brick.mknod(root, 'f', 0o101000);
  await brick.write(inode, 5000);
  const size = async (): Promise<string | undefined> => {
    await brick.posix.getxattr(brick.call(), { inode: root, name: `${QUOTA}size`, xdata: null });
    return onRecord(brick.dir).get(brick.dir)?.size;
  };
  t.equal(await size(), '0/0/1');
  const stat = new Iatt();
  stat.mode = 0o644;
  await brick.posix.setattr(brick.call(), { inode, stat, valid: 1, xdata: null });
  t.equal(await size(), '5120/1/1', 'migrated here');
  stat.mode = 0o1000;
  await brick.posix.setattr(brick.call(), { inode, stat, valid: 1, xdata: null });
  t.equal(await size(), '0/0/1', 'migrated away');
  await brick.unlink(root, 'f');
  t.equal(await size(), '0/0/1');
  await brick.end();
});

t.test('what quota has left is cleaned up on request', async (t) => {
  const brick = await new QuotaBrick().serve();
  t.teardown(() => brick.remove());
  const { root } = brick;
  const f = await brick.mknod(root, 'f');
  await brick.write(f.inode, 5000);
  t.same(await wrongInTheEnd(brick), []);
  const clean = (call = brick.call()) => {
    const dict = new Dict().setText('glusterfs.quota-xattr-cleanup', '1');
    return brick.posix.setxattr(call, { inode: f.inode, dict, flags: 0, xdata: null });
  };
  const left = () =>
    execFileSync('getfattr', ['-d', '-m', 'quota|pgfid', '--absolute-names', brick.path('f')])
      .toString()
      .split('\n').length;
  const both = left();
  await clean();
  t.equal(left(), both, 'what is in use stays');
  await brick.marker.reconfigure({ ...OPTIONS, quota: false });
  brick.marker.next = { ...brick.marker.next };
  t.equal(await errnoOf(() => clean(brick.call(0, 1000, 1000))), EPERM, 'not for users');
  await clean();
  t.equal(left(), 1, 'all of it goes');
  await brick.end();
});

/** Random changes of a brick's tree, some of them at the same time. */
async function storm(
  brick: QuotaBrick,
  seed: number,
  steps: number,
  directories: Named[] = [{ inode: brick.root, parent: null, name: '' }],
): Promise<void> {
  const pick = random(seed);
  const names: { inode: Inode; parent: Inode; name: string }[] = [];
  const some = <T>(list: T[]): T => list[pick(list.length)]!;
  let serial = 0;
  for (let step = 0; step < steps; step++) {
    const kind = pick(10);
    const parent = some(directories).inode;
    const name = `n${seed}-${++serial}`;
    if (kind <= 2 || names.length === 0) {
      const { inode } = await brick.mknod(parent, name);
      names.push({ inode, parent, name });
      await brick.write(inode, pick(20_000) + 1);
    } else if (kind === 3) {
      const { inode } = await brick.mkdir(parent, name);
      directories.push({ inode, parent, name });
    } else if (kind === 4) {
      // Never longer than a block: blocks of files with holes come and go by themselves.
      await Promise.all([brick.write(some(names).inode, pick(9000) + 1), brick.truncate(some(names).inode, pick(512))]);
    } else if (kind === 5) {
      const { inode } = some(names);
      await brick.link(inode, parent, name);
      names.push({ inode, parent, name });
    } else if (kind === 6) {
      const [gone] = names.splice(pick(names.length), 1);
      await brick.unlink(gone!.parent, gone!.name);
    } else if (kind === 7) {
      const moved = some(names);
      const victim = pick(3) === 0 ? some(names) : null;
      if (victim !== null && victim.inode === moved.inode) continue;
      const to = victim ?? { parent, name };
      await brick.rename(moved.parent, moved.name, to.parent, to.name);
      if (victim !== null) names.splice(names.indexOf(victim), 1);
      Object.assign(moved, { parent: to.parent, name: to.name });
    } else if (kind === 8) {
      const moved = directories.length > 1 ? directories[1 + pick(directories.length - 1)]! : null;
      if (moved === null || isBelow(directories, parent, moved.inode)) continue;
      // Another storm may have moved it, or what it is moved to, meanwhile.
      if (brick.table.child(moved.parent!, moved.name) !== moved.inode) continue;
      if ((await errnoOf(() => brick.rename(moved.parent!, moved.name, parent, name))) !== 0) continue;
      Object.assign(moved, { parent, name });
    } else if (pick(4) === 0) {
      await pause(150);
    }
  }
}

interface Named {
  inode: Inode;
  parent: Inode | null;
  name: string;
}

function isBelow(directories: Named[], inode: Inode, above: Inode): boolean {
  for (let at: Inode | null = inode; at !== null; ) {
    if (at === above) return true;
    at = directories.find((d) => d.inode === at)?.parent ?? null;
  }
  return false;
}
