/** features/worm over a lower layer that keeps the xattrs and times of one file. The original's answers: test/gluster/features/worm. */
import t from 'tap';
import type { options } from '../../../brickd/translators/features/worm/options.js';
import { parseRetention, retentionText } from '../../../brickd/translators/features/worm/retention.js';
import { WormTranslator } from '../../../brickd/translators/features/worm/worm.js';
import { type Dict, valueText } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { CreateArgs, Fops, SetattrArgs } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EIO, ENOENT, EROFS } from '../../../native/errno.js';
import { O_RDWR, O_TRUNC, S_IFREG } from '../../../native/linux.js';
import type { OptionsOf } from '../../../volfiles/options.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, lower, statOf } from './harness.js';

type Options = OptionsOf<typeof options>;
const OFF: Options = {
  worm: false,
  'worm-file-level': false,
  'worm-files-deletable': true,
  'default-retention-period': 100,
  'retention-mode': 'relax',
  'auto-commit-period': 50,
};
const MODE = 1;
const ATIME = 0x10;

/** A brick with one file, at a time that tests set. */
class Brick {
  readonly brick = new FakeBrick();
  readonly client = new FakeClient();
  readonly inode: Inode = this.brick.inode();
  readonly xattrs = new Map<string, string>();
  readonly stat = statOf({ mode: S_IFREG | 0o644, atime: 1000, mtime: 1000 });
  readonly asked: { fop: string; args: unknown }[] = [];
  readonly layer: WormTranslator;
  now = 1000;
  lookupErrno = 0;

  constructor(over: Partial<Options>) {
    const init = { name: 'v-worm', type: 'features/worm', options: { ...OFF, ...over }, brick: this.brick, slot: 0 };
    this.layer = new WormTranslator(init, () => this.now);
    this.layer.next = lower(this.#lower(), this.asked);
  }

  #lower(): Partial<Fops> {
    return {
      lookup: () => {
        if (this.lookupErrno !== 0) throw failure(this.lookupErrno);
        const xdata = dictOf(Object.fromEntries(this.xattrs));
        return { stat: statOf(this.stat), postparent: statOf({}), xdata };
      },
      setxattr: (_call, { dict }) => {
        this.#store(dict);
        return { xdata: null };
      },
      setattr: (_call, { stat, valid }: SetattrArgs) => {
        if ((valid & ATIME) !== 0) this.stat.atime = stat.atime;
        if ((valid & MODE) !== 0) this.stat.mode = S_IFREG | stat.mode;
        return { pre: statOf({}), post: statOf({}), xdata: null };
      },
      create: (_call, args: CreateArgs) => {
        if (this.exists) args.admit?.(statOf({ ...this.stat, gfid: this.inode.gfid }), null);
        const stat = statOf({ gfid: this.inode.gfid, mode: S_IFREG | 0o644 });
        return { stat, preparent: statOf({}), postparent: statOf({}), xdata: null, bind: () => {}, abandon: () => {} };
      },
    };
  }
  exists = false;

  #store(dict: Dict): void {
    for (const [name, value] of dict.map) this.xattrs.set(name, valueText(value) ?? '');
  }

  get state(): string | undefined {
    return this.xattrs.get('trusted.reten_state');
  }
  committed(state?: string, made = 0): this {
    this.xattrs.set('trusted.worm_file', '1').set('trusted.start_time', String(made));
    if (state !== undefined) this.xattrs.set('trusted.reten_state', state);
    return this;
  }
  call(pid = 1000) {
    return callOf(this.client, { pid });
  }
  write(fd = fdOf(this.inode, this.client), pid = 1000): Promise<number> {
    const args = { fd, offset: 0, size: 1, flags: 0, region: null as never, start: 0, xdata: null };
    return errnoOfAttempt(() => this.layer.writev(this.call(pid), args));
  }
  get loc() {
    return { inode: this.inode, parent: this.brick.root, name: 'f' };
  }
  unlink(): Promise<number> {
    return errnoOfAttempt(() => this.layer.unlink(this.call(), { loc: this.loc, xflags: 0, xdata: null }));
  }
  setattr(valid: number, values: { mode?: number; atime?: number }, pid = 1000): Promise<number> {
    const args = { inode: this.inode, stat: statOf(values), valid, xdata: null };
    return errnoOfAttempt(() => this.layer.setattr(this.call(pid), args));
  }
  async create(flags = O_RDWR, pid = 1000) {
    const loc = { inode: null, parent: this.brick.root, name: 'f' };
    const args = { loc, flags, mode: 0o644, umask: 0, pid, xdata: null };
    return await this.layer.create(this.call(pid), args);
  }
}
const FILES: Partial<Options> = { 'worm-file-level': true };

t.test('the state of a file as text', async (t) => {
  for (const text of ['3/3600/3600', '11/2/3600', '9/0/0', '7/-5/1']) {
    const parsed = parseRetention(text);
    t.equal(parsed === null ? null : retentionText(parsed), text);
  }
  for (const text of ['', '3', '3/1', '3/1/x', 'a/b/c', '3/1/2/', '3/1/2/3', '-1/2/3', `3/${'9'.repeat(40)}/1`]) {
    t.equal(parseRetention(text), null, text);
  }
});

t.test('off, nothing is intercepted', async (t) => {
  const { layer } = new Brick({});
  for (const fop of ['open', 'writev', 'unlink', 'create', 'setattr', 'rmdir'] as const) t.notOk(layer.wants(fop), fop);
});

t.test('the volume: what exists is neither changed nor removed', async (t) => {
  const b = new Brick({ worm: true });
  const { layer, inode, loc } = b;
  const call = b.call();
  const fd = fdOf(inode, b.client);
  const xdata = null;
  const refused: Record<string, () => unknown> = {
    open: () => layer.open(call, { inode, fd, flags: O_RDWR, xdata }),
    'open to empty': () => layer.open(call, { inode, fd, flags: O_TRUNC, xdata }),
    unlink: () => layer.unlink(call, { loc, xflags: 0, xdata }),
    rename: () => layer.rename(call, { oldLoc: loc, newLoc: { ...loc, inode: null, name: 'g' }, xdata }),
    link: () => layer.link(call, { inode, newLoc: { ...loc, inode: null, name: 'g' }, xdata }),
    truncate: () => layer.truncate(call, { inode, offset: 0, xdata }),
    ftruncate: () => layer.ftruncate(call, { fd, offset: 0, xdata }),
    rmdir: () => layer.rmdir(call, { loc, flags: 0, xdata }),
    removexattr: () => layer.removexattr(call, { inode, name: 'user.a', xdata }),
    fremovexattr: () => layer.fremovexattr(call, { fd, name: 'user.a', xdata }),
    fsyncdir: () => layer.fsyncdir(call, { fd, datasync: false, xdata }),
    xattrop: () => layer.xattrop(call, { inode, op: 0, dict: dictOf({ 'trusted.x': Uint8Array.of(1) }), xdata }),
  };
  for (const [what, run] of Object.entries(refused)) t.equal(await errnoOfAttempt(run), EROFS, what);
  const internal = callOf(b.client, { pid: -6 });
  t.equal(await errnoOfAttempt(() => layer.unlink(internal, { loc, xflags: 0, xdata })), 0, 'healing');
  t.equal(await errnoOfAttempt(() => layer.open(call, { inode, fd, flags: 0, xdata })), 0, 'reading');
  const books = { 'trusted.afr.dirty': Uint8Array.of(1), 'trusted.ec.version': Uint8Array.of(1) };
  const xattrop = () => layer.xattrop(call, { inode, op: 0, dict: dictOf(books), xdata });
  t.equal(await errnoOfAttempt(xattrop), 0, 'what replication and dispersal count when a file is made');
  t.equal(await errnoOfAttempt(() => b.create()), 0, 'a new file');
  b.exists = true;
  t.equal(await errnoOfAttempt(() => b.create()), EROFS, 'create of a file that exists');
});

t.test('a file: written by the descriptor that made it, committed by its end', async (t) => {
  const b = new Brick({ ...FILES, 'auto-commit-period': 0 });
  const reply = await b.create();
  t.equal(b.xattrs.get('trusted.start_time'), '1000');
  const fd = fdOf(b.inode, b.client);
  reply.bind(fd);
  t.equal(await b.write(fd), 0);
  const other = fdOf(b.inode, b.client);
  t.equal(await b.write(other), 0);
  b.layer.release(other);
  await b.layer.fini();
  t.notOk(b.xattrs.has('trusted.worm_file'), 'not while it is open');
  b.layer.release(fd);
  // Asked at once: the commit that is under way counts.
  const chmod = b.setattr(MODE, { mode: 0o444 });
  t.equal(await b.write(other), EROFS);
  t.equal(await chmod, 0);
  t.equal(b.xattrs.get('trusted.worm_file'), '1');
  t.equal(b.state, '3/100/0');
  t.equal(b.stat.atime, 1100);
});

t.test('a writer that comes back after the brick went down commits the file by its end', async (t) => {
  const b = new Brick(FILES);
  b.xattrs.set('trusted.start_time', '900');
  b.stat.mtime = 990;
  b.layer.release(fdOf(b.inode, b.client, 0));
  await b.layer.fini();
  t.notOk(b.xattrs.has('trusted.worm_file'), 'a reader does not');
  b.layer.release(fdOf(b.inode, b.client));
  await b.layer.fini();
  t.equal(b.xattrs.get('trusted.worm_file'), '1');
  t.equal(b.state, undefined);
  const legacy = new Brick(FILES);
  legacy.layer.release(fdOf(legacy.inode, legacy.client));
  await legacy.layer.fini();
  t.equal(legacy.xattrs.size, 0, 'a file from before WORM stays one');
});

t.test('auto-commit: the first fop that comes too late has the file enter retention and is refused', async (t) => {
  const young = new Brick(FILES).committed(undefined, 980);
  t.equal(await young.write(), 0);
  t.equal(await young.unlink(), 0);
  const written = new Brick(FILES).committed(undefined, 0);
  written.stat.mtime = 980;
  t.equal(await written.write(), 0, 'written of late');
  for (const change of ['write', 'unlink'] as const) {
    const b = new Brick(FILES).committed();
    b.now = 1050;
    t.equal(await b[change](), EROFS, change);
    t.equal(b.state, '3/100/50');
    t.equal(b.stat.atime, 1150);
  }
});

t.test('opened to be emptied: its content stays', async (t) => {
  const b = new Brick(FILES).committed();
  b.now = 1050;
  const args = { inode: b.inode, fd: fdOf(b.inode, b.client), flags: O_RDWR | O_TRUNC, xdata: null };
  t.equal(await errnoOfAttempt(() => b.layer.open(b.call(), args)), EROFS);
  t.notOk(b.asked.some(({ fop }) => fop === 'open'));
  b.exists = true;
  t.equal(await errnoOfAttempt(() => b.create(O_RDWR | O_TRUNC)), EROFS);
  t.equal(await errnoOfAttempt(() => b.create(O_RDWR)), 0, 'opened as it is, for writes that are refused');
  t.equal(b.xattrs.get('trusted.start_time'), '0');
});

t.test('both names of a rename', async (t) => {
  const b = new Brick(FILES).committed('3/100/50');
  b.stat.atime = 2000;
  const other = { inode: null, parent: b.brick.root, name: 'g' };
  const rename = (oldLoc: typeof other | typeof b.loc, newLoc: typeof oldLoc) =>
    errnoOfAttempt(() => b.layer.rename(b.call(), { oldLoc, newLoc, xdata: null }));
  t.equal(await rename(b.loc, other), EROFS);
  t.equal(await rename(other, b.loc), EROFS);
  t.equal(await rename(other, other), 0);
});

t.test('after its retention a file may be deleted, not changed', async (t) => {
  const b = new Brick(FILES).committed('11/100/50');
  t.equal(await b.write(), EROFS);
  t.equal(b.state, '9/0/0');
  t.equal(b.stat.atime, 900);
  t.equal(await b.unlink(), 0);
  const kept = new Brick({ ...FILES, 'worm-files-deletable': false }).committed('3/100/50');
  t.equal(await kept.unlink(), EROFS);
  t.equal(kept.state, '1/0/0');
});

t.test('the access time may put the end off; relaxed, it may bring it forward to now', async (t) => {
  for (const [mode, state, earlier] of [
    ['relax', '3/1000/50', 0],
    ['enterprise', '11/1000/50', EROFS],
  ] as const) {
    const b = new Brick({ ...FILES, 'retention-mode': mode }).committed(state);
    b.stat.atime = 2000;
    b.stat.mtime = 0;
    t.equal(await b.setattr(ATIME, { atime: 2500 }), 0);
    t.equal(b.state, state.replace('1000', '1500'), mode);
    t.equal(await b.setattr(ATIME, { atime: 1200 }), earlier, mode);
    t.equal(await b.setattr(ATIME, { atime: 900 }), EROFS, 'before now');
    t.equal(await b.setattr(ATIME, { atime: 900 }, -6), 0, 'a heal copies what the other replica has');
    t.equal(b.stat.atime, 900);
  }
});

t.test('times that leave the access time where it is are no change of the retention', async (t) => {
  const expired = new Brick(FILES).committed('3/100/50');
  expired.now = 5000;
  t.equal(await expired.setattr(ATIME, { atime: 1000 }), 0);
  t.equal(expired.state, '3/100/50');
  t.equal(await expired.setattr(ATIME, { atime: 999 }), EROFS);
});

t.test('chmod to read-only begins the retention, and never ends one earlier', async (t) => {
  const b = new Brick(FILES).committed(undefined, 990);
  t.equal(await b.setattr(MODE, { mode: 0o644 }), 0);
  t.equal(b.state, undefined);
  t.equal(await b.setattr(MODE, { mode: 0o444 }), 0);
  t.equal(b.state, '3/100/50');
  t.equal(b.stat.atime, 1100);
  t.equal(await b.setattr(ATIME, { atime: 5000 }), 0);
  t.equal(await b.setattr(MODE, { mode: 0o444 }), 0);
  t.equal(b.stat.atime, 5000);
  t.equal(b.state, '3/4000/50');
});

t.test('what makes no sense protects, and what fails is told', async (t) => {
  const b = new Brick(FILES).committed('nonsense');
  t.equal(await b.write(), EROFS);
  t.equal(await b.unlink(), EROFS);
  t.equal(await b.setattr(ATIME, { atime: 5000 }), EROFS);
  t.equal(await b.setattr(MODE, { mode: 0o444 }), 0, 'chmod gives it a state again');
  t.equal(b.state, '3/100/50');
  b.lookupErrno = EIO;
  t.equal(await b.write(), EIO);
  b.lookupErrno = ENOENT;
  t.equal(await b.write(), 0, 'an open file without a name is retained for nobody');
});

t.test('fops at the same time change a state once', async (t) => {
  const b = new Brick(FILES).committed();
  b.now = 1050;
  t.same(await Promise.all([b.write(), b.unlink(), b.write()]), [EROFS, EROFS, EROFS]);
  t.equal(b.asked.filter(({ fop }) => fop === 'setattr').length, 1);
  t.equal(await b.write(fdOf(b.inode, b.client), -1), 0, 'internal clients');
});
