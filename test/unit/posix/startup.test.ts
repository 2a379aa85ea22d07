import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import { bytesOfLatin1, fsPath } from '../../../native/bytes.js';
import { measureThroughput } from '../../../posix/brick-dir/throughput.js';
import { Brick, newGfid, withGfid } from './harness.js';

function brick(t: { teardown(run: () => void): void }): Brick {
  const b = new Brick();
  t.teardown(() => b.remove());
  return b;
}
const setxattr = (path: string, key: string, value: string) => execFileSync('setfattr', ['-n', key, '-v', value, path]);

for (const [name, what] of [
  ['brick-\xc3\xa9', 'UTF-8'],
  ['brick-\xe9\xff', 'not UTF-8'],
] as const) {
  t.test(`a brick whose path is ${what}`, async (t) => {
    const b = brick(t);
    const directory = `${b.dir}-${name}`;
    const at = (path: string) => fsPath(bytesOfLatin1(`${directory}${path}`));
    renameSync(b.dir, at(''));
    t.teardown(() => renameSync(at(''), b.dir));
    await b.start({ directory });
    await b.mkdir(b.root, '\xc3\xa9\xff');
    t.same(
      readdirSync(at(''), 'buffer')
        .map((found) => found.toString('latin1'))
        .sort(),
      ['.glusterfs', '\xc3\xa9\xff'],
    );
    const { bytes } = await measureThroughput(bytesOfLatin1(directory), 4096, 2, true);
    t.equal(bytes, 8192);
    await b.stop();
    t.same(b.log, []);
  });
}

t.test('a new brick serves before all its levels are made, and has them when it stops', async (t) => {
  const b = brick(t);
  await b.start({}, false);
  const gfids = Array.from({ length: 64 }, (_, i) => newGfid().fill(255 - i, 0, 1));
  await Promise.all(gfids.map((gfid, i) => b.mkdir(b.root, `d${i}`, 0o755, withGfid(gfid))));
  for (const [i, gfid] of gfids.entries()) t.ok(existsSync(`${b.handle(gfid)}/.`), `handle ${i}`);
  await b.stop();
  t.equal(readdirSync(b.path('.glusterfs')).length, 258);
});

t.test('the tree of a new brick', async (t) => {
  const b = brick(t);
  await b.start();
  const names = readdirSync(b.path('.glusterfs'));
  t.equal(names.length, 258);
  const mode = (path: string) => (statSync(b.path('.glusterfs', path)).mode & 0o7777).toString(8);
  t.equal(mode('7f'), '700');
  t.equal(mode('landfill'), '755');
  t.equal(mode('unlink'), '600');
  t.equal(mode('00/00'), '700');
  t.equal(readlinkSync(b.path('.glusterfs/00/00/00000000-0000-0000-0000-000000000001')), '../../..');
  t.equal(b.xattr(b.dir, 'trusted.gfid'), `${'0'.repeat(31)}1`);
  await b.stop();
  await b.start();
  await b.stop();
});

t.test('bricks that must not be served', async (t) => {
  const b = brick(t);
  const other = brick(t);
  await t.rejects(b.start({ 'volume-id': other.volumeId }), {
    message: new RegExp(`^brick ${b.dir}: mismatching volume-id .* already is a part of volume ${b.volumeId}`),
  });
  await t.rejects(b.start({ 'volume-id': 'nonsense' }), /wrong volume-id \(nonsense\)/);
  await t.rejects(b.start({ directory: `${b.dir}/no` }), /no: directory doesn't exist/);
  writeFileSync(`${b.dir}/file`, '');
  await t.rejects(b.start({ directory: `${b.dir}/file` }), /can't be opened as a directory: ENOTDIR/);
  mkdirSync(`${b.dir}/plain`);
  await t.rejects(b.start({ directory: `${b.dir}/plain` }), /volume-id is absent/);
  setxattr(b.dir, 'trusted.gfid', '0x00000000000000000000000000000002');
  await t.rejects(
    b.start(),
    /gfid \(00000000-0000-0000-0000-000000000002\) of the directory is not that of a volume's root/,
  );
  setxattr(b.dir, 'trusted.gfid', '0x01');
  await t.rejects(b.start(), /has 1 bytes instead of 16/);
  setxattr(b.dir, 'trusted.gfid', '0x00000000000000000000000000000001');
  await b.start();
  await b.stop();
  unlinkSync(b.path('.glusterfs/00/00/00000000-0000-0000-0000-000000000001'));
  symlinkSync('../../plain', b.path('.glusterfs/00/00/00000000-0000-0000-0000-000000000001'));
  await t.rejects(b.start(), /root's handle/);
  rmSync(b.path('.glusterfs'), { recursive: true });
  writeFileSync(b.path('.glusterfs'), '');
  await t.rejects(b.start(), /\.glusterfs can't be opened as a directory/);
});

t.test('the directory below a disk that is not mounted', async (t) => {
  const b = brick(t);
  b.layers.add('features/index');
  // glusterd has marked it when it was told to start the brick by force.
  await t.rejects(b.start(), /it has no \.glusterfs, .*is its disk not mounted\?$/);
  t.same(readdirSync(b.dir), [], 'nothing is made there');
  t.notOk(b.xattr(b.dir, 'trusted.gfid'), 'nor is it marked as a root');
  mkdirSync(b.path('.glusterfs'));
  await b.start();
  await b.stop();
});

t.test('no descriptor is left of a brick that stopped or did not start', async (t) => {
  const b = brick(t);
  await b.start();
  await b.stop();
  const before = readdirSync('/proc/self/fd').length;
  await b.start();
  await b.mkdir(b.root, 'd');
  t.ok(
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === b.dir;
      } catch {
        return false;
      }
    }),
    'the root is open while the brick serves',
  );
  await b.stop();
  await t.rejects(b.start({ 'volume-id': 'nonsense' }));
  t.equal(readdirSync('/proc/self/fd').length, before);
});

t.test('an old landfill moves', async (t) => {
  const b = brick(t);
  mkdirSync(b.path('.landfill/x'), { recursive: true });
  await b.start({ 'disable-landfill-purge': 'on' });
  t.notOk(existsSync(b.path('.landfill')));
  t.equal(readdirSync(b.path('.glusterfs/landfill')).length, 1);
  await b.stop();
});

t.test('owner of the root', async (t) => {
  const b = brick(t);
  await b.start({ 'brick-uid': '36', 'brick-gid': '37' });
  t.equal(`${statSync(b.dir).uid} ${statSync(b.dir).gid}`, '36 37');
  await b.posix.reconfigure({ ...b.posix.options, 'brick-uid': 38, 'brick-gid': -1 });
  t.equal(`${statSync(b.dir).uid} ${statSync(b.dir).gid}`, '38 37', 'changed while it serves');
  await b.stop();
});

t.test('the brick is told which file system it lies on', async (t) => {
  const b = brick(t);
  await b.start();
  t.equal(b.device, statSync(b.dir).dev);
  await b.stop();
});
