import { execFileSync } from 'node:child_process';
import t from 'tap';
import { Iatt } from '../../../mux/xlator/iatt.js';
import { nanosecondsInRange, secondsInRange } from '../../../mux/xlator/time-range.js';
import type { Priority } from '../../../native/layout.js';
import { aclFromText, aclToText, modeToAclText } from '../../../posix/disk/format/acl-text.js';
import { decodeMdata, encodeMdata, Mdata } from '../../../posix/disk/format/mdata-record.js';
import { brick, open, write } from './files.js';
import type { Brick } from './harness.js';

const times = (m: Mdata | null | undefined) => `${m?.atime} ${m?.mtime} ${m?.ctime}`;
const onDisk = (b: Brick, path: string) => {
  const hex = b.xattr(path, 'trusted.glusterfs.mdata')!;
  return decodeMdata(Buffer.from(hex, 'hex'), 0, hex.length / 2);
};

t.test('a record that stock has written', async (t) => {
  const hex =
    '010000000000000000000000006b035dbd0000000029d136b3000000006b035dbd0000000027c87ec0000000006b035dbd0000000027c0419c';
  const m = decodeMdata(Buffer.from(hex, 'hex'), 0, 57)!;
  t.equal(times(m), '1795382717 1795382717 1795382717');
  t.equal(`${m.ctimeNsec} ${m.mtimeNsec} ${m.atimeNsec}`, '701576883 667451072 666911132');
  t.equal(encodeMdata(m).toString('hex'), hex);
  t.equal(decodeMdata(Buffer.alloc(56), 0, 56), null);
});

t.test('times before 1970 and after 2106', async (t) => {
  for (const sec of [-1, -5e9, 2 ** 33, 0]) {
    const m = Mdata.at(sec, 999999999);
    t.ok(decodeMdata(Buffer.from(encodeMdata(m)), 0, 57)!.equals(m), String(sec));
  }
});

t.test('what lies out of range is moved to the border, and never keeps a record from being stored', async (t) => {
  for (const sec of [2 ** 53, 2 ** 63, 2 ** 64, -(2 ** 63), -(2 ** 64), Number.POSITIVE_INFINITY]) {
    t.ok(Number.isSafeInteger(secondsInRange(sec)), String(sec));
    t.equal(Math.sign(secondsInRange(sec)), Math.sign(sec));
    // Even a number that came past the borders.
    t.equal(encodeMdata(Mdata.at(sec, 2 ** 32)).length, 57);
  }
  t.equal(secondsInRange(1795382717), 1795382717);
  t.equal(nanosecondsInRange(2 ** 32 - 1), 999_999_999);
  const worst = decodeMdata(Buffer.alloc(57, 0xff).fill(0x7f, 9, 10), 0, 57)!;
  t.ok(Number.isSafeInteger(worst.ctime) && worst.ctime > 0, 'of a record on disk too');
  t.equal(worst.ctimeNsec, 999_999_999);
});

t.test('times only rise, but for utimes', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  const { mdata, timeStores } = b.posix.store;
  const start = f.stat.ctime;
  const late = b.call(7);
  late.timeSec = start + 100;
  await timeStores.touch(f.inode, late);
  t.equal(times(onDisk(b, b.path('f'))), `${start + 100} ${start + 100} ${start + 100}`);
  const early = b.call(2);
  early.timeSec = start + 50;
  await timeStores.touch(f.inode, early);
  t.equal((await b.lookup(b.root, 'f')).stat.mtime, start + 100);
  const utimes = b.call(0);
  utimes.timeSec = start + 60;
  const m = mdata.planUtimes(f.inode, utimes, 0x30, 5, 0, 6, 0)!;
  t.equal(times(m), `5 6 ${start + 100}`);
  await timeStores.replace(f.inode, m);
  t.equal(times(onDisk(b, b.path('f'))), `5 6 ${start + 100}`);
});

t.test('a time well ahead of the clock gives way to those of later fops', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  const { timeStores } = b.posix.store;
  const set = async (mtime: number) => {
    const stat = Object.assign(new Iatt(), { mtime });
    await b.posix.setattr(b.call(1), { inode: f.inode, stat, valid: 0x20, xdata: null });
    t.equal(onDisk(b, b.path('f'))!.mtime, mtime, 'utimes may set any');
  };
  const now = Math.floor(Date.now() / 1000);
  await set(now + 86400);
  const moved = b.rename(b.root, 'f', b.root, 'g');
  const change = b.call(3);
  const written = timeStores.touch(f.inode, change);
  await Promise.all([moved, written]);
  t.equal(onDisk(b, b.path('g'))!.mtime, change.timeSec);
  t.equal(
    (await b.lookup(b.root, 'g')).stat.mtime,
    change.timeSec,
    'a fop beside it that sets no mtime does not bring it back',
  );
  await b.rename(b.root, 'g', b.root, 'f');
  await set(now + 100);
  const soon = b.call(3);
  soon.timeSec = now;
  await timeStores.touch(f.inode, soon);
  t.equal(onDisk(b, b.path('f'))!.mtime, now + 100, 'clocks of good machines may differ by so much');
  await set(now + 86400);
  const { stat } = await b.lookup(b.root, 'f');
  const reply = await write(b, await open(b, f.inode, 2), 'x');
  t.equal(reply.pre.mtime, stat.mtime);
  t.ok(reply.post.mtime < now);
  t.equal(reply.post.mtime, (await b.lookup(b.root, 'f')).stat.mtime);
});

t.test('an access time that was set ahead stays', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  const ahead = Math.floor(Date.now() / 1000) + 86400;
  const stat = Object.assign(new Iatt(), { atime: ahead });
  await b.posix.setattr(b.call(1), { inode: f.inode, stat, valid: 0x10, xdata: null });
  await b.posix.store.timeStores.touch(f.inode, b.call(7));
  t.equal(onDisk(b, b.path('f'))!.atime, ahead);
});

t.test('a file of before has no record until a fop gives it one', async (t) => {
  const b = await brick(t);
  const f = await b.posix.mknod(b.call(0), {
    loc: { inode: null, parent: b.root, name: 'f' },
    mode: 0o100600,
    rdev: 0,
    umask: 0,
    xdata: (await import('./harness.js')).withGfid(),
  });
  const inode = b.table.link(b.root, 'f', f.stat.gfid, f.stat.mode);
  const { mdata, timeStores } = b.posix.store;
  t.equal(mdata.planUtimes(inode, b.call(0), 0x30, 5, 0, 6, 0), null, 'utimes makes none');
  const call = b.call(1);
  await timeStores.touch(inode, call);
  t.equal(times(onDisk(b, b.path('f'))), `${call.timeSec} ${call.timeSec} ${call.timeSec}`);
});

t.test('all changes of one turn are stored once', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  const { store } = b.posix;
  let batches = 0;
  const run = store.queue.run.bind(store.queue);
  store.queue.run = (batch, lane, priority: Priority) => {
    batches++;
    return run(batch, lane, priority);
  };
  const calls = Array.from({ length: 10 }, () => b.call(2));
  await Promise.all(calls.map((call) => store.timeStores.touch(f.inode, call)));
  t.equal(batches, 1);
  t.equal(onDisk(b, b.path('f'))!.mtime, calls[9]!.timeSec);
});

t.test('a brick that ends stores what it owes first', async (t) => {
  const b = await brick(t);
  const f = await b.mknod(b.root, 'f');
  const late = b.call(7);
  late.timeSec = f.stat.ctime + 100;
  const stored = Promise.resolve(b.posix.store.timeStores.touch(f.inode, late));
  await b.stop();
  t.equal(times(onDisk(b, b.path('f'))), `${late.timeSec} ${late.timeSec} ${late.timeSec}`);
  await stored;
  t.same(b.log, []);
});

t.test('what overlapping fops leave on disk is what counts in memory', async (t) => {
  const b = await brick(t);
  const d = await b.mkdir(b.root, 'd');
  const f = await b.mknod(d.inode, 'f');
  for (let round = 0; round < 20; round++) {
    const touches = Array.from({ length: 5 }, async () => b.posix.store.timeStores.touch(f.inode, b.call(7)));
    const name = round % 2 === 0 ? 'f' : 'g';
    await Promise.all([...touches, b.rename(d.inode, name, d.inode, name === 'f' ? 'g' : 'f')]);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.ok(onDisk(b, b.path('d/f'))!.equals(b.posix.store.mdata.of(f.inode)!));
});

t.test('with many hard links, all names', async (t) => {
  const b = await brick(t, { 'max-hardlinks': '0' });
  const f = await b.mknod(b.root, 'f');
  for (let i = 0; i < 30; i++) {
    await b.posix.link(b.call(), {
      inode: f.inode,
      newLoc: { inode: f.inode, parent: b.root, name: `link${i}` },
      xdata: null,
    });
  }
  const out = execFileSync('getfattr', ['--absolute-names', '-d', '-m', 'gfid2path', b.path('f')]).toString();
  t.equal(out.match(/gfid2path\./g)!.length, 31);
});

t.test('ACLs as text', async (t) => {
  const text = 'u::rwx,u:1000:rw-,g::r-x,g:5:---,m::rwx,o::r-x';
  const xattr = aclFromText(text)!;
  t.equal(aclToText(xattr), text);
  t.equal(xattr.length, 4 + 6 * 8);
  t.equal(aclToText(aclFromText('other::r--\nuser::rw-, group::r--')!), 'u::rw-,g::r--,o::r--');
  t.equal(aclFromText('x::rwx'), null);
  t.equal(aclFromText('u:name:rwx'), null);
  t.equal(aclToText(Buffer.from([1, 0, 0, 0])), null);
  t.equal(modeToAclText(0o100754), 'u::rwx,g::r-x,o::r--');
});
