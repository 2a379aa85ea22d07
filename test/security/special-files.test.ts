/** Data calls work on regular files only: no fop opens, reads or changes what a FIFO, a socket or a device stands for. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { TableName } from '../../mux/xlator/fop-table.js';
import { EEXIST, EINVAL, EISDIR, ELOOP, ENXIO } from '../../native/errno.js';
import { handleName } from '../../posix/disk/format/handle-name.js';
import { BrickProcess, whyNotRoot } from '../support/brick-process.js';
import { type Answer, gfidRequest, newKey, RawClient, ROOT_KEY, ROOT_USER } from '../support/raw-client.js';

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_TRUNC = 0o1000;
const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;
const S_IFSOCK = 0o140000;
/** /dev/zero as MKNOD has it: it can be opened, read and written. */
const ZERO = (1 << 8) | 5;
const PATIENCE_MS = 20_000;

const DATA_FOPS = [
  'readv',
  'writev',
  'truncate',
  'ftruncate',
  'fallocate',
  'discard',
  'zerofill',
  'seek',
  'rchecksum',
  'fsync',
] as const;
const payloadOf = (fop: TableName): Buffer => Buffer.alloc(fop === 'writev' ? 4096 : 0);

const skip = whyNotRoot ?? false;

/** The errno of an answer; -1 for success, null when none comes in time. */
async function outcome(call: Promise<Answer>): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, null);
  });
  const answer = await Promise.race([call, late]);
  clearTimeout(timer);
  if (answer === null) return null;
  return answer.ret >= 0 ? -1 : answer.errno;
}

let started: Promise<BrickProcess> | null = null;
t.teardown(async () => (await started)?.remove());

/** A client of the brick that all tests here share, and a directory of this test's own that everybody may write to. */
async function start(
  t: Test,
  name: string,
): Promise<{ brick: BrickProcess; client: RawClient; folder: string; path: string }> {
  started ??= new BrickProcess().start();
  const brick = await started;
  const client = await RawClient.login(brick.port, brick.brick);
  t.teardown(() => client.end());
  const folder = await client.mkdir(ROOT_KEY, name, 0o777, ROOT_USER);
  return { brick, client, folder, path: join(brick.brick, name) };
}

t.test('FIFOs in many directories keep nobody waiting', { skip }, async (t) => {
  const { brick, client, folder, path } = await start(t, 'many');
  const names = Array.from({ length: 12 }, (_, i) => `d${i}`);
  const directories = await Promise.all(names.map((name) => client.mkdir(folder, name, 0o777)));
  for (const name of names) execFileSync('mkfifo', ['-m', '0666', join(path, name, 'fifo')]);
  const attacks = directories.map((pargfid) => {
    const fields = { pargfid, bname: 'fifo', mode: 0o644, flags: O_CREAT | O_WRONLY, xdata: gfidRequest(newKey()) };
    return outcome(client.call('create', fields));
  });
  const honest = await RawClient.login(brick.port, brick.brick);
  t.teardown(() => honest.end());
  t.equal(await outcome(honest.lookup(ROOT_KEY, 'many')), -1, 'a cached look-up is answered');
  t.equal(await outcome(honest.lookup(ROOT_KEY, 'elsewhere')), 2, 'one that needs the disk is answered');
  t.same(new Set(await Promise.all(attacks)), new Set([EINVAL]));
});

t.test('a FIFO is not even opened', { skip }, async (t) => {
  const { client, folder, path } = await start(t, 'unopened');
  const fifo = join(path, 'fifo');
  execFileSync('mkfifo', ['-m', '0666', fifo]);
  // Its open ends when somebody opens the other end, for however short a time.
  const writer = spawn('sh', ['-c', 'exec 3> "$1"; touch "$1.opened"; sleep 60', 'sh', fifo]);
  t.teardown(() => writer.kill('SIGKILL'));
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (const flags of [O_RDONLY | O_CREAT, O_RDWR, O_RDWR | O_TRUNC]) {
    const fields = { pargfid: folder, bname: 'fifo', mode: 0o644, flags, xdata: gfidRequest(newKey()) };
    t.equal(await outcome(client.call('create', fields)), EINVAL);
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.notOk(existsSync(`${fifo}.opened`), 'nobody has opened it for reading');
});

t.test('no data fop reaches what a special file stands for', { skip }, async (t) => {
  const { client, folder } = await start(t, 'data');
  for (const [name, type, rdev, errno] of [
    ['fifo', S_IFIFO, 0, EINVAL],
    ['zero', S_IFCHR, ZERO, EINVAL],
    ['socket', S_IFSOCK, 0, ENXIO],
  ] as const) {
    const gfid = newKey();
    const made = await client.call(
      'mknod',
      { pargfid: folder, bname: name, mode: type | 0o666, dev: rdev, xdata: gfidRequest(gfid) },
      ROOT_USER,
    );
    t.equal(made.ret, 0, `${name}: errno ${made.errno}`);
    for (const who of [undefined, ROOT_USER]) {
      for (const flags of [O_RDONLY | O_CREAT, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC]) {
        const create = { pargfid: folder, bname: name, mode: 0o666, flags, xdata: gfidRequest(newKey()) };
        t.equal(await outcome(client.call('create', create, who)), errno, `CREATE over ${name} with ${flags}`);
      }
      const exclusive = {
        pargfid: folder,
        bname: name,
        flags: O_CREAT | O_EXCL | O_RDWR,
        xdata: gfidRequest(newKey()),
      };
      t.equal(await outcome(client.call('create', exclusive, who)), EEXIST);
    }
    for (const flags of [O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC]) {
      const open = await outcome(client.call('open', { gfid, flags }, ROOT_USER));
      t.equal(open, errno, `OPEN of ${name} with ${flags}`);
    }
    for (const fop of DATA_FOPS) {
      const fields = { gfid, size: 4096, len: 4096 };
      const answer = await outcome(client.call(fop, fields, ROOT_USER, payloadOf(fop)));
      t.ok(answer !== null && answer > 0, `${fop} of ${name}: ${answer}`);
    }
    const file = await client.create(folder, `from-${name}`, 0o666);
    for (const [gfid1, gfid2] of [
      [gfid, file.gfid],
      [file.gfid, gfid],
    ] as const) {
      const copy = await outcome(client.call('copyFileRange', { gfid1, gfid2, size: 4096 }, ROOT_USER));
      t.ok(copy !== null && copy > 0, `COPY_FILE_RANGE with ${name}: ${copy}`);
    }
  }
});

t.test('CREATE over a directory or a symbolic link opens neither', { skip }, async (t) => {
  const { client, folder } = await start(t, 'over');
  await client.mkdir(folder, 'directory', 0o777);
  const link = { pargfid: folder, bname: 'link', linkname: '/etc/passwd', xdata: gfidRequest(newKey()) };
  t.equal((await client.call('symlink', link)).ret, 0);
  for (const flags of [O_RDONLY | O_CREAT, O_RDWR]) {
    const fields = { pargfid: folder, mode: 0o644, flags };
    const directory = { ...fields, bname: 'directory', xdata: gfidRequest(newKey()) };
    t.equal(await outcome(client.call('create', directory)), EISDIR);
    t.equal(await outcome(client.call('create', { ...fields, bname: 'link', xdata: gfidRequest(newKey()) })), ELOOP);
  }
});

t.test('a known file that has been replaced behind the brick is found out after the open', { skip }, async (t) => {
  const { brick, client, folder } = await start(t, 'replaced');
  for (const [name, replace] of [
    ['fifo', ['-m', '0666', 'p']],
    ['zero', ['-m', '0666', 'c', '1', '5']],
  ] as const) {
    const { gfid } = await client.create(folder, name, 0o666);
    await client.lookup(folder, name);
    const handle = join(brick.brick, '.glusterfs', handleName(Uint8Array.from(Buffer.from(gfid, 'latin1')) as never));
    rmSync(handle);
    const [flag, mode, type, ...numbers] = replace;
    execFileSync('mknod', [flag, mode, handle, type, ...numbers]);
    for (const flags of [O_WRONLY, O_RDONLY, O_RDWR]) {
      const open = await outcome(client.call('open', { gfid, flags }));
      t.ok(open === EINVAL || open === ENXIO, `OPEN of a ${name} with ${flags}: ${open}`);
    }
    for (const fop of DATA_FOPS) {
      const fields = { gfid, size: 4096, len: 4096 };
      const answer = await outcome(client.call(fop, fields, ROOT_USER, payloadOf(fop)));
      t.ok(answer === EINVAL || answer === ENXIO, `${fop} of a ${name}: ${answer}`);
    }
  }
});
