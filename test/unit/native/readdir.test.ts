/** READDIR: layout of entries, paging from any position, attributes and xattrs along with the names. */
import { mkdirSync, readdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { addon } from '../../../native/addon.js';
import { batch } from '../../../native/batch.js';
import { STAT } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import { scratch } from './scratch.js';

const dir = scratch();
const c = addon.constants as Record<string, number>;

interface Entry {
  name: string;
  type: number;
  off: bigint;
  stat: number[] | null;
  xattrs: string;
}

/** Entries from `from` on, in `room` bytes; an errno on failure. */
function read(fd: number, from: bigint, room: number, max: number, withStat = false, patterns = ''): Entry[] | number {
  const r = region(Math.max(room, 4096));
  const b = batch();
  const wants = b.readdirWants(withStat, max, patterns);
  const at = b.readdir(fd, Number(from >> 32n), Number(from & 0xffffffffn), r.address, room, wants);
  b.run();
  const n = b.result(at);
  b.release();
  if (n < 0) return n;
  const found: Entry[] = [];
  for (let p = 0; p < n; ) {
    const length = r.bytes.readUInt32LE(p);
    const nameLength = r.bytes.readUInt16LE(p + 4);
    const hasStat = r.bytes[p + 7] === 1;
    const xattrBytes = r.bytes.readUInt32LE(p + 16);
    let q = p + 24;
    const stat = hasStat ? Array.from({ length: 19 }, (_, i) => r.bytes.readDoubleLE(q + 8 * i)) : null;
    if (hasStat) q += 19 * 8;
    found.push({
      name: r.bytes.latin1Slice(q, q + nameLength),
      type: r.bytes[p + 6]!,
      off: r.bytes.readBigInt64LE(p + 8),
      stat,
      xattrs: r.bytes.latin1Slice(q + nameLength, q + nameLength + xattrBytes),
    });
    if (length % 8 !== 0 || length === 0) throw new Error(`record of ${length} bytes`);
    p += length;
  }
  r.release();
  return found;
}

function readAll(fd: number, room: number, max: number, withStat = false): string[] {
  const names: string[] = [];
  for (let from = 0n; ; ) {
    const some = read(fd, from, room, max, withStat);
    if (typeof some === 'number') throw new Error(`errno ${-some}`);
    if (some.length === 0) return names;
    if (max > 0 && some.length > max) throw new Error('too many entries');
    for (const e of some) names.push(e.name);
    from = some.at(-1)!.off;
  }
}

t.test('10000 entries, page by page', async (t) => {
  mkdirSync(dir.at('big'));
  const wanted = ['.', '..'];
  for (let i = 0; i < 10000; i++) {
    const name = `entry-${i}-${'x'.repeat(i % 50)}`;
    wanted.push(name);
    writeFileSync(dir.at(`big/${name}`), '');
  }
  wanted.sort();
  const fd = addon.open(dir.at('big'), c['O_RDONLY']! | c['O_DIRECTORY']!, 0);
  for (const [room, max, withStat] of [
    [1 << 20, 0, false],
    [4096, 0, false],
    [131072, 0, true],
    [4096, 7, true],
    [65536, 100, false],
  ] as const) {
    t.same(readAll(fd, room, max, withStat).sort(), wanted, `room ${room}, ${max} entries, stat ${withStat}`);
  }
  t.same(readAll(fd, 65536, 1000).length, 10002, 'from the start again');
  addon.closeFd(fd);
});

t.test('entries with attributes and xattrs', async (t) => {
  mkdirSync(dir.at('kinds'));
  mkdirSync(dir.at('kinds/sub'));
  writeFileSync(dir.at('kinds/file'), 'four');
  symlinkSync('nowhere', dir.at('kinds/link'));
  const b = batch();
  b.setxattr(dir.fd, 'kinds/file', 'user.colour', Buffer.from('red'));
  const xattrsWork = b.run() === 0;
  b.release();
  const fd = addon.open(dir.at('kinds'), c['O_RDONLY']!, 0);
  const found = read(fd, 0n, 65536, 0, true, 'user.*');
  if (typeof found === 'number') return t.fail(`errno ${-found}`);
  const by = new Map(found.map((e) => [e.name, e]));
  t.same([...by.keys()].sort(), ['.', '..', 'file', 'link', 'sub']);
  t.equal(by.get('file')!.type, 8);
  t.equal(by.get('link')!.type, 10);
  t.equal(by.get('sub')!.type, 4);
  t.equal(by.get('file')!.stat![STAT.size], 4);
  t.equal(by.get('link')!.stat![STAT.mode]! & c['S_IFMT']!, c['S_IFLNK']!);
  if (xattrsWork) t.equal(by.get('file')!.xattrs, '\x0b\0\0\0\x03\0\0\0user.colourred');
  t.equal(by.get('sub')!.xattrs, '');
  for (const e of found) t.equal(e.stat === null, false);

  // Positions stay valid while entries vanish.
  const first = read(fd, 0n, 65536, 2);
  if (typeof first === 'number') return t.fail(`errno ${-first}`);
  unlinkSync(dir.at('kinds/link'));
  const rest = read(fd, first.at(-1)!.off, 65536, 0);
  if (typeof rest === 'number') return t.fail(`errno ${-rest}`);
  const names = new Set([...first, ...rest].map((e) => e.name));
  for (const name of readdirSync(dir.at('kinds'))) t.ok(names.has(name));
  addon.closeFd(fd);
});

t.test('no room, no directory, no descriptor', async (t) => {
  mkdirSync(dir.at('empty'));
  const fd = addon.open(dir.at('empty'), c['O_RDONLY']!, 0);
  t.equal(read(fd, 0n, 16, 0), -c['EINVAL']!);
  t.equal(read(fd, 0n, 100, 0, true), -c['EINVAL']!);
  t.equal((read(fd, 0n, 32, 0) as Entry[]).length, 1);
  t.equal(read(-1, 0n, 4096, 0), -c['EBADF']!);
  addon.closeFd(fd);
  writeFileSync(dir.at('plain'), '');
  const file = addon.open(dir.at('plain'), c['O_RDONLY']!, 0);
  t.equal(read(file, 0n, 4096, 0), -c['ENOTDIR']!);
  addon.closeFd(file);
});
