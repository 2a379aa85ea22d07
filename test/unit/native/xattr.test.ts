/** xattr ops: by name, by descriptor, many at once. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { ALWAYS, IGNORE, reg } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import { FNMATCH_TABLE } from '../../support/fnmatch-table.js';
import { scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;
const bytes = (s: string): Buffer => Buffer.from(s, 'latin1');

writeFileSync(dir.at('probe'), '');
const probe = batch();
probe.setxattr(dir.fd, 'probe', 'trusted.brickd-probe', bytes('1'));
const usable = probe.run() === 0;
probe.release();
const skip = usable ? false : 'needs root and a file system with trusted.* xattrs';

/** The records of an XATTRS result. */
function parse(b: Buffer): Record<string, string> {
  const found: Record<string, string> = {};
  for (let at = 0; at < b.length; ) {
    const keyLength = b.readUInt32LE(at);
    const valueLength = b.readUInt32LE(at + 4);
    const key = b.latin1Slice(at + 8, at + 8 + keyLength);
    found[key] = b.latin1Slice(at + 8 + keyLength, at + 8 + keyLength + valueLength);
    at += 8 + keyLength + valueLength;
  }
  return found;
}

function xattrs(fd: number, name: string | null, patterns: string, room = 65536): Record<string, string> | number {
  const r = region(65536);
  const b = batch();
  const at = b.xattrs(fd, name, patterns, r.address, room);
  b.run();
  const n = b.result(at);
  b.release();
  return n < 0 ? n : parse(r.bytes.subarray(0, n));
}

t.test('set, get, list, remove by name and by descriptor', { skip }, async (t) => {
  writeFileSync(dir.at('a'), '');
  mkdirSync(dir.at('sub'));
  writeFileSync(dir.at('sub/a'), '');
  symlinkSync('a', dir.at('link'));
  for (const [flags, name, key] of [
    [c['O_RDONLY']!, 'a', 'trusted.one'],
    [c['O_RDONLY']!, null, 'trusted.two'],
    [c['O_PATH']!, null, 'trusted.three'],
  ] as const) {
    const fd = name === null ? addon.open(dir.at('a'), flags, 0) : dir.fd;
    const b = batch();
    const out = b.out(64);
    const none = b.getxattr(fd, name, key, out, 64, IGNORE);
    b.setxattr(fd, name, key, bytes('va\0lue'), c['XATTR_CREATE']!);
    const again = b.setxattr(fd, name, key, bytes('x'), c['XATTR_CREATE']!, IGNORE);
    const got = b.getxattr(fd, name, key, out, 64);
    const short = b.getxattr(fd, name, key, out, 2, IGNORE);
    const size = b.getxattr(fd, name, key, out, 0);
    const list = b.listxattr(fd, name, 0, 0);
    b.removexattr(fd, name, key);
    const gone = b.removexattr(fd, name, key, IGNORE);
    t.equal(b.run(), 0);
    t.equal(b.result(none), -c['ENODATA']!);
    t.equal(b.result(again), -c['EEXIST']!);
    t.equal(b.result(got), 6);
    t.equal(b.view(out, 6).latin1Slice(), 'va\0lue');
    t.equal(b.result(short), -c['ERANGE']!);
    t.equal(b.result(size), 6);
    t.ok(b.result(list) >= key.length + 1);
    t.equal(b.result(gone), -c['ENODATA']!);
    b.release();
    if (name === null) addon.closeFd(fd);
  }
});

t.test('a symlink is not followed, by name or by descriptor', { skip }, async (t) => {
  const fd = addon.open(dir.at('link'), c['O_PATH']! | c['O_NOFOLLOW']!, 0);
  const b = batch();
  b.setxattr(dir.fd, 'link', 'trusted.on-link', bytes('link'));
  const out = b.out(8);
  const target = b.getxattr(dir.fd, 'a', 'trusted.on-link', out, 8, IGNORE);
  const opened = b.getxattr(fd, null, 'trusted.on-link', out, 8);
  t.equal(b.run(), 0);
  t.equal(b.result(target), -c['ENODATA']!);
  t.equal(b.result(opened), 4);
  b.release();
  addon.closeFd(fd);
});

t.test('several directories in one batch', { skip }, async (t) => {
  const b = batch();
  const sub = b.open(dir.fd, 'sub', c['O_RDONLY']!);
  b.setxattr(reg(sub), 'a', 'trusted.place', bytes('sub'));
  b.setxattr(dir.fd, 'a', 'trusted.place', bytes('top'));
  b.setxattr(reg(sub), 'a', 'trusted.place2', bytes('sub2'));
  const out = b.out(8);
  const got = b.getxattr(dir.fd, 'sub/a', 'trusted.place2', out, 8);
  const notDir = b.open(dir.fd, 'a', c['O_RDONLY']!);
  const wrong = b.getxattr(reg(notDir), 'a', 'trusted.place', out, 8, IGNORE);
  b.close(reg(sub), ALWAYS);
  b.close(reg(notDir), ALWAYS);
  t.equal(b.run(), 0);
  t.equal(b.result(got), 4);
  t.equal(b.result(wrong), -c['ENOTDIR']!);
  b.release();
  t.match(xattrs(dir.fd, 'a', 'trusted.place*'), { 'trusted.place': 'top' });
  t.match(xattrs(dir.fd, 'sub/a', 'trusted.place*'), { 'trusted.place': 'sub', 'trusted.place2': 'sub2' });
});

t.test('XATTRS: patterns as those of TypeScript', { skip }, async (t) => {
  for (const [i, [pattern, text, matches]] of FNMATCH_TABLE.entries()) {
    writeFileSync(dir.at(`pattern${i}`), '');
    const b = batch();
    b.setxattr(dir.fd, `pattern${i}`, `trusted.${text}`, bytes('1'));
    t.equal(b.run(), 0);
    b.release();
    const found = xattrs(dir.fd, `pattern${i}`, `trusted.${pattern}`);
    t.same(found, matches ? { [`trusted.${text}`]: '1' } : {}, `${pattern} ${text}`);
  }
});

t.test('XATTRS: patterns, bounds', { skip }, async (t) => {
  writeFileSync(dir.at('many'), '');
  const long = 'L'.repeat(900);
  const all: Record<string, string> = { 'trusted.gfid': '0123456789abcdef', 'trusted.empty': '', 'trusted.long': long };
  for (let i = 0; i < 20; i++) all[`trusted.afr.client-${i}`] = `value ${i}`;
  for (const [key, value] of Object.entries(all)) {
    const b = batch();
    b.setxattr(dir.fd, 'many', key, bytes(value));
    t.equal(b.run(), 0);
    b.release();
  }
  t.match(xattrs(dir.fd, 'many', ''), all);
  t.same(xattrs(dir.fd, 'many', 'trusted.gfid'), { 'trusted.gfid': all['trusted.gfid'] });
  t.same(xattrs(dir.fd, 'many', 'trusted.none\0trusted.long'), { 'trusted.long': long });
  t.same(xattrs(dir.fd, 'many', 'trusted.empty'), { 'trusted.empty': '' });
  t.same(xattrs(dir.fd, 'many', 'trusted.none'), {});
  t.same(xattrs(dir.fd, 'many', 'trusted.afr.client-1?\0trusted.g*'), {
    'trusted.gfid': all['trusted.gfid'],
    ...Object.fromEntries(Object.entries(all).filter(([k]) => /client-1.$/.test(k))),
  });
  const three = 'trusted.gfid\0trusted.long\0trusted.empty';
  const exact = 3 * 8 + three.length - 2 + 16 + 900;
  t.equal(Object.keys(xattrs(dir.fd, 'many', three, exact)).length, 3, 'fits to the byte');
  t.equal(xattrs(dir.fd, 'many', three, exact - 1), -c['ERANGE']!);
  t.equal(xattrs(dir.fd, 'many', 'trusted.gfid', 8 + 12 + 15), -c['ERANGE']!);
  t.equal(xattrs(dir.fd, 'missing', ''), -c['ENOENT']!);
  const fd = addon.open(dir.at('many'), c['O_RDONLY']!, 0);
  t.same(xattrs(fd, null, 'trusted.gfid'), { 'trusted.gfid': all['trusted.gfid'] });
  addon.closeFd(fd);
  const proc = addon.open('/proc/self', c['O_RDONLY']!, 0);
  t.same(xattrs(proc, 'status', 'trusted.gfid'), {}, 'no xattrs at all');
  t.same(xattrs(proc, 'status', ''), {});
  addon.closeFd(proc);
});
