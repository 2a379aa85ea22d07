import t from 'tap';
import { LocksTranslator } from '../../../brickd/translators/features/locks/locks.js';
import { options } from '../../../brickd/translators/features/locks/options.js';
import { setLogSink } from '../../../mux/base/log.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Flock, LkReply } from '../../../mux/xlator/fops.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import type { Client, Fd, Inode } from '../../../mux/xlator/inode.js';
import { EAGAIN, EBUSY, EINTR, EINVAL, ENODATA, ENOTCONN, EREMOTE } from '../../../native/errno.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, random, state } from './harness.js';

const defaults = parseOptions(options, { name: 'v-locks', line: 1, options: new Map() }).values;
const GETLK = 0;
const SETLK = 1;
const SETLKW = 2;
const R = 0;
const W = 1;
const U = 2;
const LLONG_MAX = 0x7fffffffffffffffn;

function setup(over: Partial<typeof defaults> = {}, next = {}) {
  const brick = new FakeBrick();
  const locks = make(LocksTranslator, { ...defaults, ...over }, brick, next);
  return { brick, locks, inode: brick.inode() };
}

const flock = (type: number, start: number | bigint, len: number | bigint, pid = 7): Flock => ({
  type,
  whence: 0,
  start: BigInt(start),
  len: BigInt(len),
  pid,
  owner: '',
});

const noSuchXattr = () => {
  throw failure(ENODATA);
};

class App {
  readonly fd: Fd;
  constructor(
    readonly locks: LocksTranslator,
    inode: Inode,
    readonly client: Client = new FakeClient(),
    readonly owner = 'app',
  ) {
    this.fd = fdOf(inode, client);
  }
  call() {
    return callOf(this.client, { lkOwner: this.owner });
  }
  lk(cmd: number, type: number, start: number | bigint, len: number | bigint) {
    return this.locks.lk(this.call(), { fd: this.fd, cmd, flock: flock(type, start, len), xdata: null });
  }
  get(type: number, start: number, len: number): Flock {
    return (this.lk(GETLK, type, start, len) as LkReply).flock;
  }
}

t.test('conflicts, and what F_GETLK tells of them', async (t) => {
  const { locks, inode } = setup();
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  await a.lk(SETLK, W, 10, 10);
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, R, 15, 1)), EAGAIN);
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, R, 20, 0)), 0, 'beside it');
  const found = b.get(W, 0, 0);
  t.match(found, { type: W, start: 10n, len: 10n, pid: 7, owner: 'app' });
  t.match(b.get(R, 0, 10), { type: U, start: 0n, len: 10n });
  t.equal(await errnoOfAttempt(() => new App(locks, inode, a.client, 'other').lk(SETLK, W, 10, 1)), EAGAIN);
});

t.test('ranges are split, joined and reach the end of the file', async (t) => {
  const { locks, inode } = setup();
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  await a.lk(SETLK, W, 0, 0);
  t.match(b.get(R, 5, 1), { type: W, start: 0n, len: 0n });
  await a.lk(SETLK, U, 100, 50);
  t.match(b.get(R, 0, 0), { start: 0n, len: 100n });
  t.match(b.get(R, 120, 1000), { type: W, start: 150n, len: 0n });
  t.match(b.get(R, 100, 50), { type: U });
  await a.lk(SETLK, R, 50, 10);
  t.match(b.get(W, 50, 5), { type: R, start: 50n, len: 10n });
  await a.lk(SETLK, W, 0, 0);
  t.equal(locks.peek(inode)!.posix!.count, 1);
  await a.lk(SETLK, U, 0, 0);
  t.ok(locks.peek(inode)!.posix!.empty);
  t.equal(inode.refs, 0, 'an inode without locks may be forgotten');
});

t.test('ranges at the limits', async (t) => {
  const { locks, inode } = setup();
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  await a.lk(SETLK, W, LLONG_MAX, 1);
  t.equal(await errnoOfAttempt(() => a.lk(SETLK, W, LLONG_MAX, 2)), EINVAL, 'the end overflows');
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, W, LLONG_MAX, 0)), EAGAIN);
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, W, 0, LLONG_MAX)), 0);
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, W, -1, 5)), EINVAL);
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, W, 5, -6)), EINVAL);
  const c = new App(locks, locks.brick.root);
  const reply = (await c.lk(SETLK, W, 10, -4)) as LkReply;
  t.match(reply.flock, { start: 6n, len: 4n }, 'a negative length reaches back');
});

t.test('an owner is needed', async (t) => {
  const { locks, inode } = setup();
  t.equal(await errnoOfAttempt(() => new App(locks, inode, new FakeClient(), '').lk(SETLK, W, 0, 1)), EINVAL);
  t.equal(await errnoOfAttempt(() => new App(locks, inode, new FakeClient(), '\0\0').lk(GETLK, W, 0, 1)), EINVAL);
});

t.test('waiting requests are granted in order', async (t) => {
  const { locks, inode } = setup();
  const [a, b, c, d] = [0, 0, 0, 0].map(() => new App(locks, inode)) as [App, App, App, App];
  await a.lk(SETLK, W, 0, 10);
  const order: string[] = [];
  const note = (name: string, wait: unknown) => Promise.resolve(wait).then(() => order.push(name));
  const waits = [note('b', b.lk(SETLKW, W, 0, 5)), note('c', c.lk(SETLKW, R, 0, 10)), note('d', d.lk(SETLKW, R, 8, 2))];
  t.equal(await state(Promise.race(waits)), 'pending');
  await a.lk(SETLK, U, 0, 10);
  t.equal(await state(waits[1]), 'pending', 'c still meets b');
  t.strictSame(order, ['b', 'd']);
  await b.locks.flush(b.call(), { fd: b.fd, xdata: null });
  await waits[1];
  t.strictSame(order, ['b', 'd', 'c']);
});

t.test('two readers that both want to write', async (t) => {
  const { locks, inode } = setup();
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  await a.lk(SETLK, R, 0, 0);
  await b.lk(SETLK, R, 0, 0);
  const first = a.lk(SETLKW, W, 0, 0);
  t.equal(await state(first), 'pending');
  const second = b.lk(SETLKW, W, 0, 0);
  t.equal(await state(second), 'done', 'a let go of its read lock to wait');
  t.equal(await state(first), 'pending');
  await b.lk(SETLK, U, 0, 0);
  t.equal(await state(first), 'done');
});

t.test('closing: by owner, by fd, by client', async (t) => {
  const { locks, inode } = setup();
  const client = new FakeClient();
  const a = new App(locks, inode, client, 'one');
  const b = new App(locks, inode, client, 'two');
  const c = new App(locks, inode);
  await a.lk(SETLK, W, 0, 1);
  await b.lk(SETLK, W, 1, 1);
  await locks.flush(a.call(), { fd: a.fd, xdata: null });
  t.match(c.get(R, 0, 2), { start: 1n });
  const waiting = a.lk(SETLKW, W, 1, 1);
  waiting instanceof Promise && waiting.catch(() => {});
  locks.release(a.fd);
  t.equal(await errnoOfAttempt(() => waiting), EAGAIN, 'what waits on a closed fd fails');
  const theirs = c.lk(SETLKW, W, 1, 1);
  client.alive = false;
  locks.clientGone(client);
  t.equal(await state(theirs), 'done', 'the lock of a client that has gone is free');
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, W, 50, 1)), ENOTCONN, 'and it gets no new one');
  await c.lk(SETLK, U, 0, 0);
  t.equal(inode.refs, 0);
  t.equal(locks.busy.size, 0);
});

t.test('clear-locks', async (t) => {
  const getxattr = () => ({
    ret: 0,
    xdata: null,
    dict: dictOf({ 'trusted.glusterfs.pathinfo': '<POSIX(/b):host:/b/f>' }),
  });
  const { locks, inode } = setup({}, { getxattr });
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  await a.lk(SETLK, W, 0, 1);
  const waiting = b.lk(SETLKW, W, 0, 1);
  const clear = async (name: string) => (await locks.getxattr(a.call(), { inode, name, xdata: null })).dict!.text(name);
  t.equal(await clear('glusterfs.clrlk.tposix.kall.0,5-5'), 'No locks cleared.');
  t.equal(await clear('glusterfs.clrlk.tposix.kblocked.0,0-1'), 'host:/b/f>: posix blocked locks=1 granted locks=0');
  t.equal(await errnoOfAttempt(() => waiting), EINTR);
  t.equal(await clear('glusterfs.clrlk.tposix.kgranted'), 'host:/b/f>: posix blocked locks=0 granted locks=1');
  t.equal(await errnoOfAttempt(() => clear('glusterfs.clrlk.tposix.knone')), EINVAL);
  t.equal(await errnoOfAttempt(() => clear('glusterfs.clrlk.tposix.kall.nonsense')), EINVAL);
});

t.test('locks move with lockinfo to another fd', async (t) => {
  const getxattr = () => ({
    ret: 0,
    xdata: null,
    dict: dictOf({ 'trusted.glusterfs.pathinfo': '<POSIX(/b):host:/b/f>' }),
  });
  const stored: string[][] = [];
  const store = (_: unknown, args: { dict: Dict }) => {
    stored.push([...args.dict.map.keys()]);
    return { xdata: null };
  };
  const { locks, inode } = setup({}, { getxattr, setxattr: store, fsetxattr: store });
  const a = new App(locks, inode);
  await a.lk(SETLK, W, 0, 10);
  const name = 'trusted.glusterfs.lockinfo';
  const reply = await locks.fgetxattr(a.call(), { fd: a.fd, name, xdata: null });
  const b = new App(locks, inode);
  const set = (dict: Dict) => locks.fsetxattr(b.call(), { fd: b.fd, dict, flags: 0, xdata: null });
  await set(dictOf({ [name]: reply.dict!.bytes(name)! }));
  await set(dictOf({ [name]: reply.dict!.bytes(name)!, 'user.a': 'b' }));
  await locks.setxattr(b.call(), { inode, dict: dictOf({ [name]: 'x' }), flags: 0, xdata: null });
  t.same(stored, [['user.a']], 'it is no xattr of the file');
  locks.release(a.fd);
  locks.clientGone(a.client);
  t.equal(await errnoOfAttempt(() => new App(locks, inode).lk(SETLK, W, 0, 1)), EAGAIN, 'held by b now');
  locks.release(b.fd);
  t.equal(await errnoOfAttempt(() => new App(locks, inode).lk(SETLK, W, 0, 1)), 0);
});

t.test('migration of a file', async (t) => {
  const { locks, inode } = setup();
  const a = new App(locks, inode);
  const mover = new FakeClient();
  const set = (key: string, over = {}) =>
    locks.setxattr(callOf(mover, { pid: -3, ...over }), {
      inode,
      dict: dictOf({ [key]: 1, status: 1 }),
      flags: 0,
      xdata: null,
    });
  await a.lk(SETLK, W, 3, 4);
  t.equal(await errnoOfAttempt(() => set('glusterfs.lock-migration-meta-lock', { pid: 5 })), EINVAL);
  await set('glusterfs.lock-migration-meta-lock');
  const held = a.lk(SETLK, R, 100, 1);
  t.equal(await state(held), 'pending');
  const { locks: active } = locks.getactivelk(a.call(), { inode, xdata: null });
  t.match(active, [{ clientUid: a.client.uid, flags: 0, flock: { type: W, start: 3n, len: 4n, owner: 'app' } }]);
  await set('glusterfs.lock-migration-meta-unlock');
  t.equal(await errnoOfAttempt(() => held), EREMOTE);
  t.equal(await errnoOfAttempt(() => a.lk(SETLK, R, 0, 1)), EREMOTE);
  const other = locks.brick.root;
  locks.setactivelk(callOf(mover), { inode: other, locks: active, xdata: null });
  t.equal(await errnoOfAttempt(() => new App(locks, other).lk(SETLK, W, 3, 1)), EAGAIN);
});

t.test('statedump', async (t) => {
  const { locks, inode } = setup();
  const a = new App(locks, inode, new FakeClient('uid-a'), '\x01\x02\x03\x04\x05\x06\x07\x08\x09');
  const b = new App(locks, inode);
  await a.lk(SETLK, W, 0, 10);
  void Promise.resolve(b.lk(SETLKW, R, 5, 0)).catch(() => {});
  const [section] = locks.dump();
  t.equal(section!.title, 'xlator.features.locks.v-test.inode');
  t.match(section!.lines, [
    `path=<gfid:${gfidText(inode.gfid)}>`,
    'mandatory=0',
    'posixlk-count=2',
    /^posixlk\.posixlk\[0\]\(ACTIVE\)=type=WRITE, whence=0, start=0, len=10, pid = 1000, owner=0102030405060708-09, client=0x[0-9a-f]+, connection-id=uid-a, granted at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000$/,
    /^posixlk\.posixlk\[1\]\(BLOCKED\)=type=READ, whence=0, start=5, len=0, .*, blocked at /,
    'removes_pending=0',
  ]);
});

t.test('mandatory locking', async (t) => {
  const done: string[] = [];
  const note = (what: string) => () => {
    done.push(what);
    return { xdata: null } as never;
  };
  const next = { writev: note('write'), readv: note('read'), getxattr: noSuchXattr };
  const { locks, inode } = setup({ 'mandatory-locking': 'forced' }, next);
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  const fops = locks as unknown as Record<string, (call: unknown, args: unknown) => unknown>;
  const io = (app: App, fop: string, offset: number, fd = app.fd) =>
    fops[fop]!(app.call(), { fd, offset, size: 10, flags: 0, xdata: null });
  await a.lk(SETLK, R, 0, 100);
  await io(b, 'readv', 0);
  await io(a, 'writev', 0);
  await io(b, 'writev', 100);
  t.strictSame(done, ['read', 'write', 'write']);
  const waiting = io(b, 'writev', 50);
  t.equal(await state(waiting), 'pending');
  t.equal(await errnoOfAttempt(() => io(b, 'writev', 50, fdOf(inode, b.client, 0o4002))), EAGAIN);
  t.equal(await errnoOfAttempt(() => fops['truncate']!(b.call(), { inode, offset: 0, xdata: null })), EAGAIN);
  await a.lk(SETLK, U, 0, 0);
  t.equal(await state(waiting), 'done');
  await locks.reconfigure({ ...defaults });
  t.notOk(locks.wants('open'));
});

t.test('enforced locks', async (t) => {
  const key = 'trusted.glusterfs.enforce-mandatory-lock';
  let finish: (value: never) => void = () => {};
  const next = {
    getxattr: noSuchXattr,
    writev: () =>
      new Promise<never>((resolve) => {
        finish = resolve;
      }),
    readv: () => ({ xdata: null }) as never,
  };
  const { locks, inode } = setup({ 'mandatory-locking': 'forced', 'enforce-mandatory-lock': true }, next);
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  const fops = locks as unknown as Record<string, (call: unknown, args: unknown) => unknown>;
  const io = (app: App, fop: string, offset: number) =>
    fops[fop]!(app.call(), { fd: app.fd, offset, size: 10, flags: 0, xdata: null });
  await io(b, 'readv', 0);
  const early = io(b, 'writev', 0);
  const set = locks.setxattr(a.call(), { inode, dict: dictOf({ [key]: 'set' }), flags: 0, xdata: null });
  t.equal(await state(set), 'pending', 'a write that began before is waited for');
  finish({ xdata: null } as never);
  await early;
  await set;
  t.equal(await errnoOfAttempt(() => io(b, 'writev', 0)), EBUSY, 'nobody writes without a lock');
  t.equal(await errnoOfAttempt(() => io(b, 'readv', 0)), EAGAIN);
  await a.lk(SETLK, W, 0, 100);
  t.equal(await errnoOfAttempt(() => io(a, 'readv', 90)), 0);
  t.equal(await errnoOfAttempt(() => io(a, 'readv', 95)), EAGAIN, 'not beyond it');
  await b.lk(SETLK, W, 50, 10);
  t.equal(await errnoOfAttempt(() => io(a, 'readv', 0)), EAGAIN, 'the lock was lost to b');
  t.equal(await errnoOfAttempt(() => io(b, 'readv', 50)), 0);
  await locks.removexattr(a.call(), { inode, name: key, xdata: null });
  t.equal(await errnoOfAttempt(() => io(a, 'readv', 0)), 0);
  const off = setup({ 'mandatory-locking': 'forced' }, next);
  const attempt = () =>
    off.locks.setxattr(a.call(), { inode: off.inode, dict: dictOf({ [key]: 'set' }), flags: 0, xdata: null });
  t.equal(await errnoOfAttempt(attempt), EINVAL, 'only where the volume has it');
});

t.test('random requests against a table of single bytes', async (t) => {
  const SIZE = 24;
  for (let seed = 1; seed <= 40; seed++) {
    const pick = random(seed);
    const { locks, inode } = setup();
    const clients = [new FakeClient(), new FakeClient()];
    const apps = [0, 1, 2, 3].map((i) => new App(locks, inode, clients[i >> 1], `o${i & 1}`));
    // model[owner][byte]: U, R or W; the last byte stands for all that follow.
    const model = apps.map(() => new Array<number>(SIZE).fill(U));
    const queue: { app: number; type: number; from: number; to: number; got: boolean }[] = [];
    const blockedBy = (app: number, type: number, from: number, to: number): boolean =>
      model.some(
        (row, other) =>
          other !== app && row.some((held, i) => i >= from && i <= to && held !== U && (held === W || type === W)),
      );
    const paint = (app: number, type: number, from: number, to: number): void => {
      for (let i = from; i <= to; i++) model[app]![i] = type;
    };
    const grant = (): void => {
      for (;;) {
        const q = queue.find(({ app, type, from, to }) => !blockedBy(app, type, from, to));
        if (q === undefined) return;
        paint(q.app, q.type, q.from, q.to);
        queue.splice(queue.indexOf(q), 1);
        q.got = true;
      }
    };
    const outcomes: { q: { got: boolean }; promise: Promise<unknown> }[] = [];
    for (let step = 0; step < 120; step++) {
      const who = pick(4);
      const app = apps[who]!;
      const type = pick(3);
      const from = pick(SIZE);
      const toEnd = pick(4) === 0;
      const to = toEnd ? SIZE - 1 : Math.min(SIZE - 2, from + pick(8));
      if (to < from) continue;
      const len = toEnd ? 0 : to - from + 1;
      const action = pick(12);
      if (action === 0) {
        paint(who, U, 0, SIZE - 1);
        locks.flush(app.call(), { fd: app.fd, xdata: null });
        grant();
      } else if (action <= 7 || type === U) {
        const expected = type !== U && blockedBy(who, type, from, to);
        const errno = await errnoOfAttempt(() => app.lk(SETLK, type, from, len));
        if ((errno === EAGAIN) !== expected) t.fail(`seed ${seed} step ${step}: errno ${errno}`);
        if (!expected) paint(who, type, from, to);
        if (!expected) grant();
      } else {
        const q = { app: who, type, from, to, got: false };
        const wait = blockedBy(who, type, from, to);
        if (wait) {
          paint(who, U, from, to);
          grant();
          if (blockedBy(who, type, from, to)) {
            queue.push(q);
          } else {
            // Letting go of its own lock let others go first; they can't have freed what stands in the way.
            t.fail(`seed ${seed} step ${step}: nothing in the way any more`);
          }
        } else {
          q.got = true;
          paint(who, type, from, to);
          grant();
        }
        outcomes.push({ q, promise: Promise.resolve(app.lk(SETLKW, type, from, len)) });
      }
      // What everyone sees: each byte, asked for with a write lock by a stranger and by each owner.
      for (let i = 0; i < SIZE; i++) {
        for (const [other, seen] of apps.entries()) {
          const found = seen.get(W, i, i === SIZE - 1 ? 0 : 1).type;
          const expected = blockedBy(other, W, i, i) ? 'held' : 'free';
          if ((found === U ? 'free' : 'held') !== expected) t.fail(`seed ${seed} step ${step}: byte ${i} ${found}`);
        }
      }
      for (const { q, promise } of outcomes) {
        if (((await state(promise)) === 'done') !== q.got) t.fail(`seed ${seed} step ${step}: grant differs`);
      }
    }
    for (const client of clients) {
      client.alive = false;
      locks.clientGone(client);
    }
    await Promise.allSettled(outcomes.map((o) => o.promise));
    t.equal(inode.refs, 0, `seed ${seed}: nothing is left`);
  }
});

t.test('option trace writes down requests and their outcome', async (t) => {
  const lines: string[] = [];
  const { locks, inode } = setup({ trace: true });
  setLogSink({ wants: () => true, write: ({ traced, text }) => void (traced !== undefined && lines.push(text)) });
  const a = new App(locks, inode);
  const b = new App(locks, inode);
  await a.lk(SETLK, W, 10, 10);
  t.equal(await errnoOfAttempt(() => b.lk(SETLK, R, 15, 1)), EAGAIN);
  const waiting = b.lk(SETLKW, R, 15, 1);
  await a.lk(SETLK, U, 0, 0);
  await waiting;
  const verdicts = lines.map((line) =>
    /^\[(\w+)\] Locker = \{Pid=1000, .*Lock = \{lock=FCNTL, cmd=(\w+)/.exec(line)?.slice(1),
  );
  t.same(verdicts, [
    ['REQUEST', 'SETLK'],
    ['GRANTED', 'SETLK'],
    ['REQUEST', 'SETLK'],
    ['TRYAGAIN', 'SETLK'],
    ['REQUEST', 'SETLKW'],
    ['BLOCKED', 'SETLKW'],
    ['REQUEST', 'SETLK'],
    ['GRANTED', 'SETLK'],
    ['GRANTED', 'SETLKW'],
  ]);
  await locks.reconfigure(defaults);
  await b.lk(SETLK, W, 10, 10);
  t.equal(lines.length, verdicts.length, 'off again');
});
