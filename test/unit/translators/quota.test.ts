/** Enforcement of quota: what fits in is done and counted, and nothing more. */
import t from 'tap';
import { type LogLine, setLogSink } from '../../../mux/base/log.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { EDQUOT, EIO, ENOTCONN } from '../../../native/errno.js';
import { errnoOfAttempt, gfidOf } from './harness.js';
import { call, internal, LIMIT, limitValue, MB, OBJECTS, OPTIONS, S_IFREG, STRICT, setup } from './quota-setup.js';

const lines: LogLine[] = [];
setLogSink({ wants: () => true, write: (line) => void lines.push(line) });
t.beforeEach(() => void lines.splice(0));

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
