/** The table of fops: complete, without contradictions, and the one that the README shows. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { codecOf } from '../../mux/fops/codecs.js';
import { FOP_NAMES, FOP_NUMBERS, FOPS, fopByName, fopByNumber } from '../../mux/xlator/fop-table.js';
import type { FopName } from '../../mux/xlator/fops.js';
import { README, renewed } from './overview.js';

/** Every fop of the contract, so that the compiler tells when one is missing here. */
const EVERY: Record<FopName, true> = {
  lookup: true,
  stat: true,
  fstat: true,
  readlink: true,
  mknod: true,
  mkdir: true,
  unlink: true,
  rmdir: true,
  symlink: true,
  rename: true,
  link: true,
  truncate: true,
  ftruncate: true,
  open: true,
  create: true,
  readv: true,
  writev: true,
  statfs: true,
  flush: true,
  fsync: true,
  setxattr: true,
  fsetxattr: true,
  getxattr: true,
  fgetxattr: true,
  removexattr: true,
  fremovexattr: true,
  opendir: true,
  fsyncdir: true,
  access: true,
  lk: true,
  inodelk: true,
  finodelk: true,
  entrylk: true,
  fentrylk: true,
  readdir: true,
  readdirp: true,
  xattrop: true,
  fxattrop: true,
  rchecksum: true,
  setattr: true,
  fsetattr: true,
  fallocate: true,
  discard: true,
  zerofill: true,
  ipc: true,
  seek: true,
  lease: true,
  getactivelk: true,
  setactivelk: true,
  icreate: true,
  namelink: true,
  copyFileRange: true,
};

t.test('every fop of the contract is in the table, once', async (t) => {
  t.same([...FOP_NAMES].sort(), Object.keys(EVERY).sort());
  t.equal(new Set(FOPS.map((f) => f.name)).size, FOPS.length);
  t.equal(new Set(FOPS.map((f) => f.display)).size, FOPS.length);
  t.equal(new Set(FOPS.map((f) => f.internal)).size, FOPS.length);
});

t.test('numbers lead to fops, and nowhere else', async (t) => {
  const numbers = FOPS.map((f) => f.number);
  t.same(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
    'in order, once each',
  );
  for (const f of FOPS) {
    t.equal(fopByNumber(f.number), f);
    t.equal(fopByName(f.name), f);
    t.ok(f.number < FOP_NUMBERS);
  }
  for (const none of [0, 49, 55, 57, -1, 1e9]) t.equal(fopByNumber(none), undefined);
});

t.test('wire and internal numbers are the same up to 40', async (t) => {
  for (const f of FOPS) if (f.number <= 40) t.equal(f.internal, f.number, f.display);
});

t.test('traits fit the structures', async (t) => {
  for (const f of FOPS) {
    const request: string[] = codecOf(f.name).request.fieldNames;
    t.equal(request.at(-1), 'xdata', `${f.display}: xdata ends the request`);
    t.same(codecOf(f.name).response.fieldNames.slice(0, 2), ['op_ret', 'op_errno'], f.display);
    if (f.costBytes !== null) t.ok(request.includes(f.costBytes), `${f.display} has ${f.costBytes}`);
    if (f.resolution === 'fd') t.ok(request.includes('fd') || request.includes('fd_in'), `${f.display} has an fd`);
    if (f.resolution === 'not' && f.name !== 'icreate')
      t.ok(
        request.some((n) => n.endsWith('bname')),
        `${f.display} has a name`,
      );
    if (f.payload !== 'none')
      t.ok((f.payload === 'request' ? request : codecOf(f.name).response.fieldNames).includes('size'), f.display);
    if (f.isLock) t.notOk(f.changesData);
  }
});

t.test('the README shows this table (node dist/test/wire/overview.js renews it)', async (t) => {
  const text = readFileSync(README, 'utf8');
  t.equal(text, renewed(text));
});
