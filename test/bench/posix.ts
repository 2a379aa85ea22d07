/**
 * Cost of reads and writes in storage/posix itself, without network: CPU µs a fop on this thread and in the whole process,
 * next to the bare batches of system calls that they are made of. Directory: POSIX_BENCH_DIR, else /var/tmp.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { InodeTable } from '../../mux/brick/inode-table.js';
import { Call } from '../../mux/xlator/call.js';
import { Dict } from '../../mux/xlator/dict.js';
import type { Fops } from '../../mux/xlator/fops.js';
import { type Client, Fd } from '../../mux/xlator/inode.js';
import { batch } from '../../native/batch.js';
import { bytesOfText } from '../../native/bytes.js';
import { region } from '../../native/memory.js';
import type { OpenFile } from '../../posix/disk/open-file.js';
import { options } from '../../posix/options.js';
import { PosixTranslator } from '../../posix/translator.js';
import { requireOptions } from '../../volfiles/options.js';

const client: Client = {
  id: 1,
  uid: 'b',
  opVersion: 1,
  processName: 'b',
  peer: '',
  alive: true,
  ctx: [],
  memory: null,
};
const BLOCK = 4096;
const FILE = 64 << 20;

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function measure(name: string, count: number, run: (n: number) => unknown): Promise<void> {
  await run(Math.min(count, 20_000));
  const wall = process.hrtime.bigint();
  const cpu = cpuUs();
  await run(count);
  const wallUs = Number(process.hrtime.bigint() - wall) / 1000;
  console.log(
    `${name.padEnd(46)} ${(wallUs / count).toFixed(2).padStart(9)} µs wall ${((cpuUs() - cpu) / count).toFixed(2).padStart(9)} µs CPU`,
  );
}

const quiet = { error: console.error, warning() {}, info() {}, debug() {} };
const dir = mkdtempSync(join(process.env['POSIX_BENCH_DIR'] ?? '/var/tmp', 'brickd-bench-'));
const table = new InodeTable(0, () => {});
const values = requireOptions(options, {
  name: 'b',
  line: 1,
  options: new Map([['directory', { value: dir, line: 1 }]]),
});
const posix = new PosixTranslator({
  name: 'b',
  type: 'storage/posix',
  options: values,
  slot: 0,
  brick: {
    name: bytesOfText(dir),
    log: quiet,
    root: table.root,
    hasLayer: () => false,
    findInode: (key) => table.get(key),
    findChild: (parent, name) => table.child(parent, name),
    adoptInode: (gfid, mode) => table.intern(gfid, mode),
    learnName: (parent, name, gfid, mode) => table.link(parent, name, gfid, mode),
    namespaceOf: () => table.root,
    byItself: (work) => work(new Call(client, 0)),
    get storage() {
      return posix as unknown as Fops;
    },
    upcall() {},
    guardChange: () => {},
    onDevice() {},
    diskHangs() {},
    limitCalls() {},
    fail: console.error,
    timer: () => () => {},
  },
});
await posix.init();
const gfid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const call = new Call(client, 0);
call.timeSec = 1_700_000_000;
const made = await posix.create(call, {
  loc: { inode: null, parent: table.root, name: 'f' },
  flags: 2,
  mode: 0o100644,
  umask: 0,
  pid: 1,
  xdata: new Dict().setGfid('gfid-req', gfid),
});
const inode = table.link(table.root, 'f', made.stat.gfid, made.stat.mode);
const fd = new Fd(inode, 2, client, 1);
made.bind(fd);
const raw = (fd.ctx[0] as OpenFile).fd;
const data = region(1 << 20);
for (let at = 0; at < FILE; at += 1 << 20) {
  await posix.writev(call, { fd, offset: at, size: 1 << 20, flags: 0, region: data, start: 0, xdata: null });
}
let seed = 1;
const somewhere = (size: number): number => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return (seed % (FILE / size)) * size;
};

for (const size of [BLOCK, 131072, 1 << 20]) {
  const count = size === BLOCK ? 300_000 : size === 131072 ? 20_000 : 3000;
  const into = region(size);
  await measure(`bare batch: preadv2 + statx, ${size} bytes`, count, (n) => {
    for (let i = 0; i < n; i++) {
      const b = batch();
      const at = b.statOut();
      b.pread(raw, into.address, size, somewhere(size), 8);
      b.statx(raw, null, at);
      b.run();
      b.release();
    }
  });
  await measure(`readv, ${size} bytes`, count, async (n) => {
    for (let i = 0; i < n; i++) {
      const read = posix.readv(call, { fd, offset: somewhere(size), size, flags: 0, xdata: null });
      const r = read instanceof Promise ? await read : read;
      r.region?.release();
    }
  });
}
for (const burst of [1, 4]) await entryFops(burst);

/** Creation, look-up, setxattr, renaming and removal of files in one directory, `burst` fops at a time. */
async function entryFops(burst: number): Promise<void> {
  const root = table.root;
  const files: { name: string; inode: typeof inode }[] = [];
  let next = 0;
  const each = (name: string, count: number, run: (i: number) => unknown) =>
    measure(`${name}, bursts of ${burst}`, count, async (n) => {
      for (let i = 0; i < n; i += burst) await Promise.all(Array.from({ length: burst }, (_, j) => run(i + j)));
    });
  await each('create + flush', 30_000, async () => {
    const id = next++;
    const own = Uint8Array.from({ length: 16 }, (_, i) => (i < 4 ? (id >> (8 * i)) & 255 : i + burst));
    const reply = await posix.create(call, {
      loc: { inode: null, parent: root, name: `f${burst}-${id}` },
      flags: 2,
      mode: 0o100644,
      umask: 0,
      pid: 1,
      xdata: new Dict().setGfid('gfid-req', own),
    });
    const file = table.link(root, `f${burst}-${id}`, reply.stat.gfid, reply.stat.mode);
    const opened = new Fd(file, 2, client, 1);
    reply.bind(opened);
    await posix.flush(call, { fd: opened, xdata: null });
    posix.release(opened);
    files.push({ name: `f${burst}-${id}`, inode: file });
  });
  const at = (i: number) => files[i % files.length]!;
  await each('lookup', 40_000, (i) =>
    posix.lookup(call, {
      loc: { inode: at(i).inode, parent: root, name: at(i).name },
      gfid: null,
      xdata: new Dict().setUint('trusted.glusterfs.dht', 0),
    }),
  );
  await each('setxattr', 40_000, (i) =>
    posix.setxattr(call, {
      inode: at(i).inode,
      dict: new Dict().setText('user.bench', 'value'),
      flags: 0,
      xdata: null,
    }),
  );
  await each('rename', 40_000, async (i) => {
    const file = at(i);
    const name = `${file.name}'`.slice(-12);
    await posix.rename(call, {
      oldLoc: { inode: file.inode, parent: root, name: file.name },
      newLoc: { inode: null, parent: root, name },
      xdata: null,
    });
    table.link(root, name, file.inode.gfid, 0o100644);
    file.name = name;
  });
}
await measure('fstat inline', 300_000, (n) => {
  for (let i = 0; i < n; i++) posix.fstat(call, { fd, xdata: null });
});
await measure('stat inline', 100_000, (n) => {
  for (let i = 0; i < n; i++) posix.stat(call, { inode, xdata: null });
});
for (const [name, flags] of [
  ['without times', 0],
  ['with times', 3],
] as const) {
  for (const burst of [1, 16]) {
    await measure(`writev 4096 bytes, bursts of ${burst}, ${name}`, 40_000, async (n) => {
      for (let i = 0; i < n; i += burst) {
        const c = new Call(client, 0);
        c.timeFlags = flags;
        c.timeSec = 1_700_000_000 + i;
        const all: unknown[] = [];
        for (let k = 0; k < burst; k++) {
          all.push(
            posix.writev(c, {
              fd,
              offset: somewhere(BLOCK),
              size: BLOCK,
              flags: 0,
              region: data,
              start: 0,
              xdata: null,
            }),
          );
        }
        await Promise.all(all);
      }
    });
  }
}
for (const rwf of [0, 8]) {
  await measure(`bare batch on this thread: pwritev2 (flags ${rwf}) + statx`, 40_000, (n) => {
    for (let i = 0; i < n; i++) {
      const b = batch();
      const at = b.statOut();
      b.pwrite(raw, data.address, BLOCK, somewhere(BLOCK), rwf);
      b.statx(raw, null, at);
      if (b.run() < 0 && i === 0) console.log(`  refused: errno ${b.errno}`);
      b.release();
    }
  });
}
posix.release(fd);
await new Promise((resolve) => setTimeout(resolve, 100));
await posix.fini();
execFileSync('rm', ['-rf', dir]);
