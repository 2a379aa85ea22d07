/** Process helpers, descriptors, checksums, constants. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import t from 'tap';
import { addon, constant } from '../../../native/addon.js';
import { O_DIRECTORY, O_TMPFILE, S_IALLUGO, S_IXUGO } from '../../../native/linux.js';
import { scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;

t.test('xxh64 of known texts', async (t) => {
  for (const [text, hash] of [
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
    ['Nobody inspects the spammish repetition', 'fbcea83c8a378bf1'],
    // Suffixes of trusted.gfid2path xattrs that a GlusterFS 10.3 brick has given files in its root.
    ['00000000-0000-0000-0000-000000000001/file', 'a72b10d3c2e4a039'],
    ['00000000-0000-0000-0000-000000000001/a much longer name with \xc3\xbcnicode 40', '83e3a8d5593fba27'],
  ] as const)
    t.equal(addon.xxh64(text), hash, text);
});

t.test('descriptors', async (t) => {
  writeFileSync(dir.at('f\u00e9'), 'x');
  t.equal(addon.open(dir.at('missing'), c['O_RDONLY']!, 0), -c['ENOENT']!);
  const name = Buffer.from(dir.at('f\u00e9')).latin1Slice();
  const fd = addon.open(name, c['O_RDONLY']!, 0);
  t.ok(fd > 2);
  const copy = addon.dupFd(fd);
  t.equal(readlinkSync(`/proc/self/fd/${copy}`), dir.at('f\u00e9'));
  const null_ = addon.open('/dev/null', c['O_RDWR']!, 0);
  t.equal(addon.dup2(fd, null_), null_);
  t.equal(readlinkSync(`/proc/self/fd/${null_}`), dir.at('f\u00e9'));
  t.equal(addon.dup2(fd, fd), fd);
  t.equal(addon.dup2(0x7ffffff, 0x7ffffff), -c['EBADF']!);
  for (const f of [fd, copy, null_]) t.equal(addon.closeFd(f), 0);
  t.equal(addon.closeFd(fd), -c['EBADF']!);
  t.throws(() => addon.open('a\0b', 0, 0), TypeError);
});

t.test('a lock holds against other processes', async (t) => {
  const fd = addon.open(dir.at('pid'), c['O_RDWR']! | c['O_CREAT']!, 0o644);
  t.equal(addon.lockFile(fd), 0);
  const script = `const { addon } = await import(${JSON.stringify(new URL('../../../native/addon.js', import.meta.url).href)});
    const fd = addon.open(${JSON.stringify(dir.at('pid'))}, 2, 0);
    console.log(addon.lockFile(fd));
    addon.exitNow(3);`;
  const run = (): string => {
    try {
      return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'latin1' });
    } catch (e) {
      const { status, stdout } = e as { status: number; stdout: string };
      t.equal(status, 3, 'exitNow');
      return stdout;
    }
  };
  t.ok([-c['EAGAIN']!, -c['EACCES']!].includes(Number(run())));
  addon.closeFd(fd);
  t.equal(Number(run()), 0);
});

t.test('the process', async (t) => {
  const before = readFileSync('/proc/self/comm', 'latin1').trim();
  t.equal(addon.setProcessName('glusterfsd-with-a-long-name'), 0);
  t.equal(readFileSync('/proc/self/comm', 'latin1'), 'glusterfsd-with\n');
  addon.setProcessName(before);
  const limit = addon.setFileLimit(1024);
  t.equal(limit, 1024);
  const [, hard] = /Max open files\s+1024\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
  t.ok(Number(hard) > 1024, 'the hard limit stays: not every process could raise it again');
  t.equal(addon.mallinfo().length, 10);
  t.ok(addon.mallinfo()[7]! > 0);
  t.ok([0, 1].includes(addon.mallocTrim()));
  const groups = addon.groupsOf(0);
  t.ok(Array.isArray(groups) && groups.includes(0));
  t.equal(addon.groupsOf(3999999999), -c['ENOENT']!);
});

t.test('constants', async (t) => {
  for (const [name, value] of Object.entries(constants.errno)) t.equal(c[name], value, name);
  t.equal(c['O_PATH'], 0o10000000);
  t.equal(c['RESOLVE_CACHED'], 0x20);
  t.equal(c['AT_FDCWD'], -100);
  t.equal(S_IALLUGO, 0o7777);
  t.equal(S_IXUGO, 0o111);
  t.equal(O_TMPFILE & ~O_DIRECTORY, 0o20000000);
  t.throws(() => constant('O_NOSUCH'), /the addon has no constant O_NOSUCH/);
  t.equal(addon.ops['OPEN'], 1);
  t.equal(new Set(Object.values(addon.ops)).size, Object.keys(addon.ops).length);
});
