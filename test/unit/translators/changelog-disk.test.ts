/** Journals on a disk that is full or hangs, and after a process that was ended. */

import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RecordScanner } from '../../../brickd/translators/features/changelog/torn-record.js';
import { gfidText } from '../../../mux/xlator/gfid.js';
import { Batch } from '../../../native/batch.js';
import { AT_FDCWD, O_WRONLY } from '../../../native/linux.js';
import { until } from '../../support/until.js';
import { client, Setup, TEXT_HEADER } from './changelog-setup.js';
import { callOf } from './harness.js';

t.test('what an earlier process has left', async (t) => {
  const s = await new Setup().start();
  await s.create('a');
  const whole = s.current;
  await s.t.fini();
  appendFileSync(join(s.journals, 'CHANGELOG'), `E${gfidText(s.gfid)}\x0023\x0033188\x005`);
  const before = s.index;
  appendFileSync(join(s.journals, 'htime', before.name), '/cut/short');
  await s.start();
  t.same(s.complete, [whole], 'a record that is cut short is dropped');
  t.equal(s.index.records.length, 1);
  t.equal(s.current, TEXT_HEADER);
  await s.t.fini();
  // Put away, but not yet in the index.
  const [record] = s.index.records;
  const lost = record!.replace(/\d{10}$/, String(Number(record!.slice(-10)) + 7));
  writeFileSync(lost, whole);
  await s.start();
  t.same(s.index.records[1], lost);
  t.equal(s.index.records.length, 3);
  await s.t.fini();
});

t.test('whole records are told from what is cut short, wherever it is cut', async (t) => {
  for (const encoding of ['ascii', 'binary']) {
    const s = await new Setup().start({ encoding, 'capture-del-path': 'on' });
    const inode = s.brick.inode();
    const call = callOf(client);
    await s.create('a name');
    await s.t.unlink(call, { loc: { ...s.loc('f'), inode }, xflags: 0, xdata: null });
    const stray = { inode, parent: s.brick.inode(0o040000), name: 'g' };
    await s.t.unlink(call, { loc: stray, xflags: 0, xdata: null });
    await s.t.truncate(call, { inode, offset: 0, xdata: null });
    const bytes = Buffer.from(s.current, 'latin1');
    await s.t.fini();
    const ends: number[] = [];
    for (let cut = 0; cut <= bytes.length; cut++) {
      const scanner = new RecordScanner();
      scanner.push(bytes.subarray(0, cut >> 1));
      scanner.push(bytes.subarray(cut >> 1, cut));
      if (ends.at(-1) !== scanner.end) ends.push(scanner.end);
    }
    t.equal(ends.length, 6, `${encoding}: nothing, header, four records`);
    t.equal(ends.at(-1), bytes.length);
    const zeros = new RecordScanner();
    t.notOk(zeros.push(Buffer.concat([bytes, Buffer.alloc(100)])));
    t.equal(zeros.end, bytes.length);
    t.equal(zeros.records, 4);
  }
});

/** Has writes to journals fail as on a full disk while it is full. */
function fullDisk(t: Test): { full: boolean } {
  const disk = { full: false };
  const device = openSync('/dev/full', 'w');
  const { pwrite } = Batch.prototype;
  Batch.prototype.pwrite = function (this: Batch, fd, ...rest) {
    return pwrite.call(this, disk.full ? device : fd, ...rest);
  };
  t.teardown(() => {
    Batch.prototype.pwrite = pwrite;
    closeSync(device);
  });
  return disk;
}

t.test('a full disk', async (t) => {
  const disk = fullDisk(t);
  const s = await new Setup().start();
  await s.create('before');
  disk.full = true;
  await s.create('kept1');
  await s.create('kept2');
  t.notMatch(s.current, /kept/, 'changes go on');
  disk.full = false;
  await until(() => s.current.includes('kept2'));
  await s.create('after');
  t.match(s.current.replaceAll('\0', ' '), /\/before .*\/kept1 .*\/kept2 .*\/after /);
  disk.full = true;
  await t.rejects(s.roll('binary'), /no new journal can be begun/);
  await s.create('in the old encoding');
  disk.full = false;
  await until(() => s.current.includes('in the old encoding'));
  const { name } = s.index;
  disk.full = true;
  for (let n = 0; n < 50; n++) await Promise.all(Array.from({ length: 1000 }, (_, i) => s.create(`n${n}.${i}`)));
  disk.full = false;
  await until(() => s.current.includes('/n0.0\0'));
  await s.roll('binary');
  t.not(s.index.name, name, 'what was lost makes a new index');
  await s.t.fini();
});

t.test('a disk that is full when the brick ends', async (t) => {
  const disk = fullDisk(t);
  const s = await new Setup().start();
  await s.create('seen');
  await s.roll('binary');
  const { name } = s.index;
  disk.full = true;
  await s.create('lost');
  await s.t.fini();
  disk.full = false;
  await s.start();
  t.not(s.index.name, name, 'what was lost makes a new index');
  await s.t.fini();
});

t.test('the end does not wait for a disk that hangs', async (t) => {
  const s = await new Setup().start();
  await s.create('seen');
  execFileSync('mkfifo', [join(s.path, 'fifo')]);
  const { fsync } = Batch.prototype;
  t.teardown(() => {
    Batch.prototype.fsync = fsync;
  });
  Batch.prototype.fsync = function (this: Batch) {
    return this.open(AT_FDCWD, join(s.path, 'fifo'), O_WRONLY);
  };
  const began = Date.now();
  await s.t.fini();
  t.ok(Date.now() - began < 9000);
  closeSync(openSync(join(s.path, 'fifo'), 'r'));
});

t.test('what was not recorded makes a new index, across restarts, too', async (t) => {
  const s = await new Setup().start();
  await s.create('a');
  await s.t.fini();
  const { name } = s.index;
  await s.start();
  t.equal(s.index.name, name, 'a brick that is away misses nothing');
  await s.t.reconfigure(s.options({ changelog: 'off' }));
  await s.t.fini();
  await s.start();
  const second = s.index.name;
  t.not(second, name, 'switched off while the brick ran');
  await s.create('b');
  await s.t.fini();
  await s.start({ changelog: 'off' });
  t.notOk(readdirSync(s.journals).includes('CHANGELOG'));
  t.match(s.complete.at(-1), /\/b/);
  await s.t.fini();
  await s.start();
  t.not(s.index.name, second, 'switched off while the brick was away');
  await s.t.fini();
});

t.test('a disk that is full when the brick starts', async (t) => {
  const disk = fullDisk(t);
  disk.full = true;
  const s = await new Setup().start();
  await s.create('unseen');
  disk.full = false;
  await until(() => readdirSync(s.journals).includes('CHANGELOG'));
  await until(() => s.t.dump()[0]!.lines.includes('changelog.active=1'));
  await s.create('seen');
  t.match(s.current, /\/seen/);
  t.equal(readdirSync(join(s.journals, 'htime')).length, 2, 'the index begins after what was not seen');
  await s.t.fini();
});
