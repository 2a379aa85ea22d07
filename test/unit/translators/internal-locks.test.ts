import t from 'tap';
import { EntryLock } from '../../../brickd/translators/features/locks/internal/internal-locks.js';
import { MAX_LOCKS, MAX_LOCKS_OF_INODE, MAX_WAITING } from '../../../brickd/translators/features/locks/lock-users.js';
import { LocksTranslator } from '../../../brickd/translators/features/locks/locks.js';
import { options } from '../../../brickd/translators/features/locks/options.js';
import { setLogSink } from '../../../mux/base/log.js';
import type { Fops, RemoveReply } from '../../../mux/xlator/fops.js';
import type { Client, Inode } from '../../../mux/xlator/inode.js';
import { EAGAIN, EINVAL, ENOLCK, ENOTCONN, EOPNOTSUPP } from '../../../native/errno.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, dictOf, errnoOfAttempt, FakeBrick, FakeClient, make, random, state, statOf } from './harness.js';

const defaults = parseOptions(options, { name: 'v-locks', line: 1, options: new Map() }).values;
const LLONG_MAX = 0x7fffffffffffffffn;

function setup(next: Partial<Fops> = {}, over: Partial<typeof defaults> = {}) {
  const brick = new FakeBrick();
  const locks = make(LocksTranslator, { ...defaults, ...over }, brick, next);
  return { brick, locks, inode: brick.inode() };
}

type Kind = 'R' | 'W' | 'U';
function inodelk(
  locks: LocksTranslator,
  inode: Inode,
  client: Client,
  kind: Kind,
  { start = 0n, len = 0n, wait = false, owner = 'o', domain = 'd', pid = 1, cmd = -1 } = {},
) {
  const type = { R: 0, W: 1, U: 2 }[kind];
  const flock = { type, whence: 0, start, len, pid, owner: '' };
  return locks.inodelk(callOf(client, { lkOwner: owner, pid }), {
    inode,
    domain,
    cmd: cmd >= 0 ? cmd : wait ? 2 : 1,
    flock,
    xdata: null,
  });
}

function entrylk(
  locks: LocksTranslator,
  inode: Inode,
  client: Client,
  cmd: 'lock' | 'unlock' | 'try',
  name: string,
  { owner = 'o', domain = 'd', type = 1 } = {},
) {
  const n = { lock: 0, unlock: 1, try: 2 }[cmd];
  return locks.entrylk(callOf(client, { lkOwner: owner }), { inode, domain, name, cmd: n, type, xdata: null });
}

t.test('inode locks: conflicts, exact unlocks, domains', async (t) => {
  const { locks, inode } = setup();
  const [a, b] = [new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'R', { start: 0n, len: 10n });
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'R', { start: 5n, len: 10n })), 0);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'W', { start: 0n, len: 5n })), EAGAIN);
  t.equal(
    await errnoOfAttempt(() => inodelk(locks, inode, a, 'W', { start: 0n, len: 5n })),
    0,
    'its own is no obstacle',
  );
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'W', { domain: 'other' })), 0);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, a, 'U', { start: 0n, len: 9n })), EINVAL);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'U', { start: 0n, len: 10n })), EINVAL);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, a, 'U', { start: 0n, len: 10n })), 0);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, a, 'W', { cmd: 0 })), EOPNOTSUPP);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, a, 'W', { start: -1n })), EINVAL);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, a, 'W', { owner: '\0' })), EINVAL);
});

t.test('the range of metadata has a domain of its own', async (t) => {
  const { locks, inode } = setup();
  const [a, b] = [new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'W', { start: 0n, len: 0n });
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'W', { start: LLONG_MAX - 1n })), 0);
  t.equal(locks.peek(inode)!.domains!.inodeCount('d:metadata'), 1);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'U', { start: LLONG_MAX - 1n })), 0);
});

t.test('inode locks wait in line', async (t) => {
  const { locks, inode } = setup();
  const [a, b, c] = [new FakeClient(), new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'R');
  const writer = inodelk(locks, inode, b, 'W', { wait: true });
  const reader = inodelk(locks, inode, c, 'R', { wait: true });
  t.equal(await state(reader), 'pending', 'a reader does not overtake the writer that waits');
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, c, 'R', { owner: 'p' })), EAGAIN);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, a, 'R', { len: 5n })), 0, 'unless it has a lock already');
  await inodelk(locks, inode, a, 'U', { len: 5n });
  await inodelk(locks, inode, a, 'U');
  t.equal(await state(writer), 'done');
  t.equal(await state(reader), 'pending');
  b.alive = false;
  locks.clientGone(b);
  t.equal(await state(reader), 'done');
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'R')), ENOTCONN);
});

t.test('what waits of a client that goes fails, and lets others pass', async (t) => {
  const { locks, inode } = setup();
  const [a, b, c] = [new FakeClient(), new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'R');
  const writer = inodelk(locks, inode, b, 'W', { wait: true });
  const reader = inodelk(locks, inode, c, 'R', { wait: true });
  b.alive = false;
  locks.clientGone(b);
  t.equal(await errnoOfAttempt(() => writer), EAGAIN);
  t.equal(await state(reader), 'done');
});

t.test('entry locks', async (t) => {
  const { locks, inode } = setup();
  const [a, b] = [new FakeClient(), new FakeClient()];
  await entrylk(locks, inode, a, 'try', 'x');
  t.equal(
    await errnoOfAttempt(() => entrylk(locks, inode, b, 'try', 'x', { type: 0 })),
    EAGAIN,
    'type does not matter',
  );
  t.equal(await errnoOfAttempt(() => entrylk(locks, inode, b, 'try', 'y')), 0);
  t.equal(await errnoOfAttempt(() => entrylk(locks, inode, b, 'try', '')), EAGAIN);
  const all = entrylk(locks, inode, b, 'lock', '', { owner: 'q' });
  t.equal(await errnoOfAttempt(() => entrylk(locks, inode, b, 'try', 'z', { owner: 'r' })), EAGAIN, 'all names wait');
  t.equal(await errnoOfAttempt(() => entrylk(locks, inode, a, 'unlock', 'x', { type: 0 })), EINVAL, 'but to unlock');
  await entrylk(locks, inode, a, 'unlock', 'x');
  t.equal(await state(all), 'pending');
  await entrylk(locks, inode, b, 'unlock', 'y');
  t.equal(await state(all), 'done');
  t.equal(locks.peek(inode)!.domains!.entryCount(), 1);
  await entrylk(locks, inode, b, 'unlock', '', { owner: 'q' });
  t.equal(inode.refs, 0);
});

t.test('holders are told when others wait, not more often than asked', async (t) => {
  const { brick, locks, inode } = setup({}, { 'notify-contention-delay': 60 });
  const [a, b] = [new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'W', { pid: 77 });
  await errnoOfAttempt(() => inodelk(locks, inode, b, 'W'));
  await errnoOfAttempt(() => inodelk(locks, inode, b, 'W'));
  await state(null);
  t.match(brick.upcalls, [
    { client: a, message: { kind: 'inodelk-contention', domain: 'd', pid: 77, flock: { type: 1 } } },
  ]);
  await entrylk(locks, inode, b, 'try', 'name');
  void Promise.resolve(entrylk(locks, inode, a, 'lock', '')).catch(() => {});
  await state(null);
  t.match(brick.upcalls[1], { client: b, message: { kind: 'entrylk-contention', name: 'name', type: 1 } });
  t.equal(brick.upcalls.length, 2);
  const quiet = setup({}, { 'notify-contention': false });
  await inodelk(quiet.locks, quiet.inode, a, 'W');
  await errnoOfAttempt(() => inodelk(quiet.locks, quiet.inode, b, 'W'));
  await state(null);
  t.equal(quiet.brick.upcalls.length, 0);
});

t.test('revocation', async (t) => {
  const { locks, inode } = setup({}, { 'revocation-secs': 3600, 'revocation-max-blocked': 2 });
  const [a, b, c, d] = [0, 0, 0, 0].map(() => new FakeClient()) as [Client, Client, Client, Client];
  await inodelk(locks, inode, a, 'W');
  const second = inodelk(locks, inode, b, 'W', { wait: true });
  const third = inodelk(locks, inode, c, 'W', { wait: true });
  t.equal(await state(second), 'pending');
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, d, 'W')), EAGAIN);
  t.equal(await state(second), 'done', 'so many waited that the lock was taken away');
  t.equal(await state(third), 'pending');
  locks.peek(inode)!.domainLocks().domain('d').inode.granted[0]!.grantedAt -= 4000;
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, d, 'W')), EAGAIN);
  t.equal(await state(third), 'done', 'an old lock is taken away');
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, a, 'U')), EINVAL);
});

t.test('who asks for a lock that is revoked for it has it, and can give it back', async (t) => {
  const { locks, inode } = setup({}, { 'revocation-secs': 3600 });
  const [a, b] = [new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'W');
  locks.locksOf(inode).domainLocks().domain('d').inode.granted[0]!.grantedAt -= 4000;
  await inodelk(locks, inode, b, 'W');
  t.equal(locks.locksOf(inode).domainLocks().inodeCount('d'), 1);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, b, 'U')), 0);
});

t.test('the states of a lock follow one another', async (t) => {
  const lock = new EntryLock(new FakeClient(), 'o', 1, 'c', 'name', 0);
  t.throws(() => lock.become('gone'), /assertion failed/);
  lock.become('waiting');
  lock.become('granted');
  t.throws(() => lock.become('granted'), /assertion failed/);
  lock.become('gone');
  t.throws(() => lock.become('waiting'), /assertion failed/);
});

t.test('removal waits for locks of others and holds back new ones', async (t) => {
  let finish: (reply: RemoveReply) => void = () => {};
  const below: string[] = [];
  const unlink = () => {
    below.push('unlink');
    return new Promise<RemoveReply>((resolve) => {
      finish = resolve;
    });
  };
  const { brick, locks, inode } = setup({ unlink });
  const [a, b] = [new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'W');
  const loc = { inode, parent: brick.root, name: 'f' };
  const removal = locks.unlink(callOf(b), { loc, xflags: 0, xdata: null });
  await state(null);
  t.strictSame(below, [], 'not yet');
  t.equal(brick.upcalls.length, 1, 'the holder is told');
  const more = inodelk(locks, inode, b, 'R', { start: 100n, len: 1n, domain: 'e', wait: true });
  t.equal(await state(more), 'pending', 'no new lock');
  t.equal(
    await errnoOfAttempt(() => inodelk(locks, inode, b, 'R', { domain: 'f', pid: -6 })),
    0,
    'but an internal one',
  );
  await inodelk(locks, inode, a, 'U');
  await state(null);
  t.strictSame(below, ['unlink']);
  t.equal(await state(more), 'pending');
  finish({ xdata: null, preparent: statOf({}), postparent: statOf({}) });
  await removal;
  t.equal(await state(more), 'done');
});

t.test('counts', async (t) => {
  const fstat = () => ({ stat: statOf({}), xdata: null });
  let passed: string[] = [];
  const { brick, locks, inode } = setup({
    fstat,
    lookup: (_call, args) => {
      passed = [...args.xdata!.map.keys()];
      return { stat: statOf({ gfid: inode.gfid }), postparent: statOf({}), xdata: null };
    },
  });
  const [a, b] = [new FakeClient(), new FakeClient()];
  await inodelk(locks, inode, a, 'W', { domain: 'x' });
  void Promise.resolve(inodelk(locks, inode, b, 'W', { domain: 'x', wait: true })).catch(() => {});
  await inodelk(locks, inode, a, 'W', { domain: 'y' });
  await entrylk(locks, brick.root, a, 'lock', 'name');
  const ask = dictOf({
    'glusterfs.inodelk-count': 0,
    'glusterfs.entrylk-count': 0,
    'glusterfs.parent-entrylk': 0,
    'glusterfs.posixlk-count': 0,
    'trusted.other': 0,
  });
  const loc = { inode, parent: brick.root, name: 'name' };
  const { xdata } = await locks.lookup(callOf(a), { loc, gfid: null, xdata: ask });
  const got = Object.fromEntries([...xdata!.map.keys()].map((key) => [key, xdata!.number(key)]));
  t.strictSame(got, {
    'glusterfs.entrylk-count': 0,
    'glusterfs.inodelk-count': 3,
    'glusterfs.posixlk-count': 0,
    'glusterfs.parent-entrylk': 1,
  });
  t.strictSame(passed, ['trusted.other'], 'the requests do not go further down');
  t.equal(ask.size, 5, 'who asks keeps them: a look-up may be on the way to another fop');
  const multi = dictOf({
    'glusterfs.multi-dom-lk-cnt-req': 1,
    'glusterfs.inodelk-dom-prefix:x': 1,
    'glusterfs.inodelk-dom-prefix:none': 1,
    'glusterfs.inodelk-dom-count': 'y',
  });
  const reply = (await (locks as unknown as Fops).stat(callOf(a), { inode, xdata: multi })) as { xdata: typeof xdata };
  t.equal(reply.xdata!.number('glusterfs.inodelk-dom-prefix:x'), 2);
  t.equal(reply.xdata!.number('glusterfs.inodelk-dom-prefix:none'), 0);
  t.equal(reply.xdata!.number('glusterfs.inodelk-count'), 1);
});

t.test('random inode locks: never two that conflict, none forgotten', async (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const pick = random(seed);
    const { locks, inode } = setup();
    const clients = [0, 1, 2, 3].map(() => new FakeClient());
    interface Held {
      client: number;
      kind: Kind;
      start: number;
      len: number;
      granted: boolean;
      failed: boolean;
      promise: unknown;
    }
    const all: Held[] = [];
    for (let step = 0; step < 150; step++) {
      const client = pick(4);
      const mine = all.filter((h) => h.client === client && h.granted);
      if (mine.length > 0 && pick(2) === 0) {
        const h = mine[pick(mine.length)]!;
        all.splice(all.indexOf(h), 1);
        await inodelk(locks, inode, clients[client]!, 'U', { start: BigInt(h.start), len: BigInt(h.len) });
      } else {
        const h: Held = {
          client,
          kind: pick(2) ? 'W' : 'R',
          start: pick(20),
          len: 1 + pick(10),
          granted: false,
          failed: false,
          promise: null,
        };
        // The same range twice by one owner can't be told apart when it is unlocked.
        if (all.some((o) => o.client === client && o.start === h.start && o.len === h.len)) continue;
        all.push(h);
        const range = { start: BigInt(h.start), len: BigInt(h.len), wait: true };
        h.promise = Promise.resolve(inodelk(locks, inode, clients[client]!, h.kind, range)).then(
          () => {
            h.granted = true;
          },
          () => {
            h.failed = true;
          },
        );
      }
      await state(null);
      const held = all.filter((h) => h.granted);
      for (const x of held) {
        for (const y of held) {
          if (x.client === y.client || (x.kind === 'R' && y.kind === 'R')) continue;
          if (x.start < y.start + y.len && y.start < x.start + x.len) t.fail(`seed ${seed}: two locks that conflict`);
        }
      }
      if (locks.peek(inode)!.domains!.inodeCount(null) !== all.length) t.fail(`seed ${seed}: count`);
    }
    for (const client of clients) {
      client.alive = false;
      locks.clientGone(client);
    }
    await Promise.all(all.map((h) => h.promise));
    t.ok(all.every((h) => h.granted || h.failed));
    t.equal(inode.refs, 0, `seed ${seed}`);
  }
});

t.test('a client has a bounded number of locks on a file, and of requests that wait', async (t) => {
  const { locks, inode } = setup();
  const [client, other] = [new FakeClient(), new FakeClient()];
  for (let i = 0; i < MAX_LOCKS_OF_INODE; i++) inodelk(locks, inode, client, 'W', { start: BigInt(i), len: 1n });
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, client, 'W', { start: 100_000n, len: 1n })), ENOLCK);
  await inodelk(locks, inode, other, 'W', { start: 100_000n, len: 1n });
  const waiting = [];
  for (let i = 0; i < MAX_WAITING; i++) {
    waiting.push(inodelk(locks, inode, other, 'W', { start: BigInt(i), len: 1n, wait: true }));
  }
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, other, 'W', { start: 1n, len: 1n, wait: true })), ENOLCK);
  t.equal(locks.peek(inode)!.domains!.inodeCount(null), MAX_LOCKS_OF_INODE + 1 + MAX_WAITING);
  client.alive = false;
  const begun = performance.now();
  locks.clientGone(client);
  await Promise.all(waiting);
  t.ok(performance.now() - begun < 1000, 'all at once are let go soon');
  t.equal(locks.peek(inode)!.domains!.inodeCount(null), MAX_WAITING + 1);
  other.alive = false;
  locks.clientGone(other);
  t.equal(inode.refs, 0);
});

t.test('a client has a bounded number of locks in all', async (t) => {
  const { brick, locks } = setup();
  const client = new FakeClient();
  for (let held = 0; held < MAX_LOCKS; ) {
    const inode = brick.inode();
    for (let i = 0; i < 4096; i++, held++) entrylk(locks, inode, client, 'lock', `${i}`, { domain: `d${i % 64}` });
  }
  t.equal(await errnoOfAttempt(() => entrylk(locks, brick.root, client, 'lock', 'x')), ENOLCK);
  client.alive = false;
  locks.clientGone(client);
  t.equal(locks.busy.size, 0);
});

t.test('the name of a domain has a bound', async (t) => {
  const { brick, locks, inode } = setup();
  const domain = 'd'.repeat(5000);
  t.equal(await errnoOfAttempt(() => inodelk(locks, inode, new FakeClient(), 'W', { domain })), EINVAL);
  t.equal(await errnoOfAttempt(() => entrylk(locks, brick.root, new FakeClient(), 'lock', 'x', { domain })), EINVAL);
});

t.test('option trace writes down inode and entry locks', async (t) => {
  const lines: string[] = [];
  const { locks, inode } = setup({}, { trace: true });
  setLogSink({
    wants: () => true,
    write: ({ traced, text }) => void (traced !== undefined && lines.push(`${traced} ${text}`)),
  });
  const [a, b] = [new FakeClient(), new FakeClient()];
  await entrylk(locks, inode, a, 'lock', 'f');
  t.equal(await errnoOfAttempt(() => entrylk(locks, inode, b, 'try', 'f')), EAGAIN);
  const waiting = entrylk(locks, inode, b, 'lock', 'f');
  await entrylk(locks, inode, a, 'unlock', 'f');
  await waiting;
  await inodelk(locks, inode, a, 'W');
  const seen = lines.map((line) =>
    /^(\w+) \[(\w+)\] Locker = .* Lock = \{lock=(\w+), cmd=(\w+), type=WRITE, /.exec(line)?.slice(1).join(' '),
  );
  t.same(seen, [
    'entrylk_trace_in REQUEST ENTRYLK LOCK',
    'entrylk_trace_out GRANTED ENTRYLK LOCK',
    'entrylk_trace_in REQUEST ENTRYLK LOCK_NB',
    'entrylk_trace_out TRYAGAIN ENTRYLK LOCK_NB',
    'entrylk_trace_in REQUEST ENTRYLK LOCK',
    'entrylk_trace_block BLOCKED ENTRYLK LOCK',
    'entrylk_trace_in REQUEST ENTRYLK UNLOCK',
    'entrylk_trace_out GRANTED ENTRYLK UNLOCK',
    'entrylk_trace_out GRANTED ENTRYLK LOCK',
    'pl_trace_in REQUEST INODELK SETLK',
    'pl_trace_out GRANTED INODELK SETLK',
  ]);
  t.match(lines[0], /basename=f, domain: d\}$/);
});
