/** Thousands of locks and requests on one file: what a call costs does not grow with them, and they have bounds. */
import t from 'tap';
import { MOST_LINES } from '../../../brickd/translators/features/locks/dump.js';
import { NameIndex, RangeIndex } from '../../../brickd/translators/features/locks/lock-index.js';
import { MAX_LOCKS_OF_INODE } from '../../../brickd/translators/features/locks/lock-users.js';
import { LocksTranslator } from '../../../brickd/translators/features/locks/locks.js';
import { options } from '../../../brickd/translators/features/locks/options.js';
import { MAX_ACTIVE } from '../../../brickd/translators/features/locks/record-locks.js';
import { E2BIG, ENOLCK } from '../../../native/errno.js';
import { parseOptions } from '../../../volfiles/options.js';
import { callOf, errnoOfAttempt, FakeBrick, FakeClient, fdOf, make, random } from './harness.js';

const defaults = parseOptions(options, { name: 'v-locks', line: 1, options: new Map() }).values;
const R = 0;
const W = 1;
const U = 2;
const MANY = 10_000;
/** For a thousand calls, on a machine that is busy; one that looks at all the others takes ten times as long and more. */
const LIMIT_MS = 1500;

function setup() {
  const brick = new FakeBrick();
  const locks = make(LocksTranslator, defaults, brick, {});
  const inode = brick.inode();
  const clients = Array.from({ length: 64 }, () => new FakeClient());
  const fds = clients.map((client) => fdOf(inode, client));
  const call = (i: number) => callOf(clients[i % 64]!, { lkOwner: `o${i}`, pid: 1 });
  const flock = (type: number, start: bigint, len: bigint) => ({ type, whence: 0, start, len, pid: 1, owner: '' });
  return {
    brick,
    locks,
    inode,
    clients,
    inodelk: (i: number, type: number, start = 0n, len = 0n) =>
      locks.inodelk(call(i), { inode, domain: 'd', cmd: 2, flock: flock(type, start, len), xdata: null }),
    entrylk: (i: number, name: string, unlock = false) =>
      locks.entrylk(call(i), { inode, domain: 'd', cmd: unlock ? 1 : 0, name, type: 1, xdata: null }),
    lk: (i: number, type: number, start = 0n, len = 0n) =>
      locks.lk(call(i), { fd: fds[i % 64]!, cmd: 2, flock: flock(type, start, len), xdata: null }),
  };
}

/** Milliseconds of a thousand calls. */
function thousand(f: (i: number) => unknown): number {
  const begun = performance.now();
  for (let i = 0; i < 1000; i++) f(i);
  return performance.now() - begun;
}

t.test('ten thousand requests wait for the same', async (t) => {
  for (const kind of ['inodelk', 'lk'] as const) {
    const s = setup();
    const order: number[] = [];
    s[kind](0, W);
    for (let i = 1; i <= MANY; i++) Promise.resolve(s[kind](i, W)).then(() => order.push(i), t.fail);
    const ms = thousand((i) => s[kind](i, U));
    t.ok(ms < LIMIT_MS, `${kind}: a thousand releases take ${Math.round(ms)} ms`);
    await new Promise(setImmediate);
    t.same(
      order,
      Array.from({ length: 1000 }, (_, i) => i + 1),
      'each grants the next one',
    );
  }
});

t.test('ten thousand holders, each with a request that waits for it', async (t) => {
  const s = setup();
  let granted = 0;
  for (let i = 0; i < MANY; i++) await s.entrylk(i, `n${i}`);
  for (let i = 0; i < MANY; i++) Promise.resolve(s.entrylk(MANY + i, `n${i}`)).then(() => granted++, t.fail);
  const ms = thousand((i) => s.entrylk(i, `n${i}`, true));
  t.ok(ms < LIMIT_MS, `a thousand releases take ${Math.round(ms)} ms`);
  await new Promise(setImmediate);
  t.equal(granted, 1000);
});

t.test('ten thousand readers, and a writer that waits for all of them', async (t) => {
  for (const kind of ['inodelk', 'lk'] as const) {
    const s = setup();
    let granted = false;
    for (let i = 0; i < MANY; i++) await s[kind](i, R);
    Promise.resolve(s[kind](MANY, W)).then(() => (granted = true), t.fail);
    const begun = performance.now();
    for (let i = 0; i < MANY; i++) {
      if (i === MANY - 1) await new Promise(setImmediate);
      if (granted) t.bailout(`${kind}: granted too early`);
      s[kind](i, U);
    }
    t.ok(performance.now() - begun < 10 * LIMIT_MS);
    await new Promise(setImmediate);
    t.ok(granted, `${kind}: granted when the last one lets go`);
  }
});

t.test('an index of ranges finds what overlaps', (t) => {
  const pick = random(7);
  const LAST = 0x7fffffffffffffffn;
  const index = new RangeIndex<{ type: number; start: bigint; end: bigint; order: number }>();
  const all: { type: number; start: bigint; end: bigint; order: number }[] = [];
  const anyRange = () => {
    const at = BigInt(pick(1 << 30)) << BigInt(pick(34));
    const end = at + (BigInt(pick(1 << 16)) << BigInt(pick(40)));
    return { type: pick(2), start: at, end: pick(5) === 0 || end > LAST ? LAST : end, order: 0 };
  };
  for (let i = 0; i < 3000; i++) {
    if (pick(3) === 0 && all.length > 0) {
      const [gone] = all.splice(pick(all.length), 1);
      index.remove(gone!);
    } else {
      const range = anyRange();
      index.add(range);
      all.push(range);
    }
    const asked = pick(20) === 0 ? { ...anyRange(), start: LAST, end: LAST } : anyRange();
    const wanted = all.filter(
      (r) => (r.type === W || asked.type === W) && r.start <= asked.end && r.end >= asked.start,
    );
    const found = new Set<unknown>();
    index.find(asked, (bucket) => {
      for (const [i, r] of bucket.entries()) {
        if (i > 0 && bucket[i - 1]!.order >= r.order) t.fail('a bucket is not in order');
        found.add(r);
      }
      return undefined;
    });
    for (const r of wanted)
      if (!found.has(r)) t.fail(`step ${i}: ${asked.start}-${asked.end} misses ${r.start}-${r.end}`);
  }
  while (all.length > 0) index.remove(all.pop()!);
  t.equal(
    index.find({ type: W, start: 0n, end: LAST }, (bucket) => bucket[0]),
    undefined,
  );
  const names = new NameIndex<{ name: string; order: number }>();
  const locks = ['a', 'b', '', 'a'].map((name) => ({ name, order: 0 }));
  for (const lock of locks) names.add(lock);
  const seen = (name: string): string[] => {
    const list: string[] = [];
    names.find({ name }, (bucket) => void list.push(...bucket.map((l) => l.name)));
    return list.sort();
  };
  t.same(seen('a'), ['', 'a', 'a']);
  t.same(seen(''), ['', 'a', 'a', 'b']);
  names.remove(locks[2]!);
  t.same(seen('b'), ['b']);
  t.end();
});

t.test('bounds are of one client: ranges count, and migration and statedumps tell of so many', async (t) => {
  const s = setup();
  for (let i = 0; i < MAX_LOCKS_OF_INODE; i++) s.lk(0, i % 2, BigInt(i), 1n);
  t.equal(await errnoOfAttempt(() => s.lk(0, W, 1_000_000n, 1n)), ENOLCK, 'though one owner has them all');
  t.equal(await errnoOfAttempt(() => s.lk(0, U, 5n, 1n)), 0, 'it may let go');
  t.equal(await errnoOfAttempt(() => s.lk(1, W, 1_000_000n, 1n)), 0, 'another client may lock');
  const active = () => s.locks.getactivelk(callOf(s.clients[0]!), { inode: s.inode, xdata: null }).locks.length;
  t.equal(active(), MAX_ACTIVE);
  await s.lk(2, W, 1_000_001n, 1n);
  t.equal(await errnoOfAttempt(active), E2BIG);
  const [section, ...others] = s.locks.dump();
  t.same(others, []);
  t.ok(section!.lines.length < MOST_LINES + 10);
  t.ok(section!.lines.includes(`locks-left-out=${MAX_ACTIVE + 1 - MOST_LINES}`));
  const more = Array.from({ length: 3 }, () => s.brick.inode());
  for (const inode of more) {
    const flock = { type: W, whence: 0, start: 0n, len: 0n, pid: 1, owner: '' };
    await s.locks.inodelk(callOf(s.clients[5]!, { lkOwner: 'o', pid: 1 }), {
      inode,
      domain: 'd',
      cmd: 2,
      flock,
      xdata: null,
    });
  }
  t.same(s.locks.dump().at(-1)!.lines, ['inodes-with-locks-left-out=3']);
});
