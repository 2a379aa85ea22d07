/** Limits of quota: how they are set, found and told. */
import t from 'tap';
import { UNNAMED_MS } from '../../../brickd/translators/features/quota/known-limits.js';
import { type LogLine, setLogSink } from '../../../mux/base/log.js';
import { Dict } from '../../../mux/xlator/dict.js';
import type { DirEntry } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EDQUOT, EPERM } from '../../../native/errno.js';
import { dictOf, errnoOfAttempt, fdOf, gfidOf, lower, random, statOf } from './harness.js';
import {
  call,
  client,
  internal,
  LIMIT,
  limitValue,
  MB,
  OBJECTS,
  OPTIONS,
  S_IFDIR,
  S_IFREG,
  STRICT,
  setup,
} from './quota-setup.js';

const lines: LogLine[] = [];
setLogSink({ wants: () => true, write: (line) => void lines.push(line) });
t.beforeEach(() => void lines.splice(0));

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
