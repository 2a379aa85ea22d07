/** No name leads out of the brick: whatever the fop, whoever calls, whatever the directory, virtual ones included. */
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { codecOf } from '../../mux/fops/codecs.js';
import { FOPS, type FopEntry, type TableName } from '../../mux/xlator/fop-table.js';
import { EACCES, EEXIST, EISDIR, ENAMETOOLONG, ENOENT, EPERM, EROFS } from '../../native/errno.js';
import { BrickProcess, whyNotRoot, withVolume } from '../support/brick-process.js';
import { listing } from '../support/listing.js';
import {
  ANONYMOUS,
  dictOf,
  gfidRequest,
  keyOf,
  NULL_KEY,
  newKey,
  RawClient,
  ROOT_KEY,
  ROOT_USER,
  requestOf,
  USER,
  type Who,
} from '../support/raw-client.js';

const skip = whyNotRoot ?? false;
const HEALER: Who = { uid: 0, gid: 0, pid: -6 };
const TRASH_KEY = `${NULL_KEY.slice(1)}\x05`;
const INDICES = ['xattrop_index', 'xattrop_dirty', 'xattrop_entry_changes'] as const;
const VICTIM = 'victim';

const trash = (text: string): string =>
  withVolume(text, 'posix', 'trash', ['type features/trash', 'option trash on', 'option trash-internal-op on']);
const readOnly = (text: string): string =>
  withVolume(text, 'locks', 'read-only', ['type features/read-only', 'option read-only on']);

/** A directory beside the brick that nobody may touch. */
function decoyBeside(brick: BrickProcess): string {
  const decoy = join(brick.folder, 'decoy');
  mkdirSync(join(decoy, 'below'), { recursive: true });
  for (const name of [VICTIM, 'below/x', 'below/victim']) writeFileSync(join(decoy, name), `content of ${name}`);
  symlinkSync(VICTIM, join(decoy, 'link'));
  writeFileSync(join(brick.folder, VICTIM), 'content');
  return decoy;
}

/** What there is outside the brick, as far as a test can look. */
function outside(brick: BrickProcess): string[] {
  const own = [brick.brick, brick.logFile];
  const { mode, uid, gid, nlink, mtimeMs, ctimeMs } = lstatSync('/');
  return [[mode, uid, gid, nlink, mtimeMs, ctimeMs].join(' '), ...listing(brick.folder, (path) => own.includes(path))];
}

async function virtualKey(client: RawClient, index: string, who?: Who): Promise<string> {
  const name = `glusterfs.${index}_gfid`;
  const { rsp } = await client.call('getxattr', { name, namelen: name.length }, who);
  return keyOf(rsp.dict.bytes(name));
}

/** An xattrop that marks a name in a directory as one to heal, as replication does. */
const markOf = (gfid: string, name: string, create = true) => ({
  gfid,
  flags: 0,
  dict: dictOf({ 'trusted.afr.dirty': new Uint8Array(12) }),
  xdata: dictOf({ [`glusterfs.xattrop-entry-${create ? 'create' : 'delete'}`]: name }),
});

/** Gfids of a directory of each kind, by what it is. */
async function directories(client: RawClient): Promise<Record<string, string>> {
  const plain = await client.mkdir(ROOT_KEY, 'plain', 0o777, ROOT_USER);
  const below = await client.mkdir(plain, 'below', 0o777, ROOT_USER);
  await client.call('xattrop', markOf(plain, 'to-heal'), HEALER);
  const found: Record<string, string> = { root: ROOT_KEY, plain, below, trash: TRASH_KEY };
  for (const index of INDICES) found[index] = await virtualKey(client, index);
  const listed = await client.call('opendir', { gfid: found['xattrop_entry_changes']! }, HEALER);
  const fields = { gfid: found['xattrop_entry_changes']!, fd: listed.rsp.fd, size: 4096 };
  const { rsp } = await client.call('readdir', fields, HEALER);
  const [entry] = rsp.reply as { name: string }[];
  const names = await client.lookup(found['xattrop_entry_changes']!, entry!.name, HEALER);
  found['names to heal'] = keyOf(names.rsp.prestat.gfid);
  return found;
}

/** Fops that carry text, or may in their xdata. */
const NAMING = FOPS.filter(
  ({ name }) =>
    name.endsWith('xattrop') || codecOf(name).request.fieldNames.some((field) => requestOf(name)[field] === ''),
);

/** A request whose every name is `name`, and whose every gfid is the directory's. */
function hostile({ name: fop }: FopEntry, directory: string, name: string): Record<string, unknown> {
  const fields = requestOf(fop);
  for (const field of codecOf(fop).request.fieldNames) {
    if (field.includes('gfid')) fields[field] = directory;
    else if (fields[field] === '') fields[field] = name;
  }
  if ('namelen' in fields) fields['namelen'] = name.length;
  if ('size' in fields) fields['size'] = 512;
  if ('mode' in fields) fields['mode'] = 0o100644;
  if ('dict' in fields) fields['dict'] = dictOf({ 'trusted.afr.dirty': new Uint8Array(12), [`user.${name}`]: name });
  fields['xdata'] = gfidRequest(newKey())
    .setText('glusterfs.xattrop-entry-create', name)
    .setText('glusterfs.xattrop-entry-delete', name)
    .setInt('glusterfs.xattrop-purge-index', 1);
  return fields;
}

/** Other requests by which names may do something: with a file or an entry that is there. */
function* furtherRequests(directory: string, file: string, name: string): Generator<[TableName, object]> {
  const xdata = gfidRequest(newKey());
  yield ['link', { oldgfid: file, newgfid: directory, newbname: name, xdata }];
  yield ['rename', { oldgfid: ROOT_KEY, oldbname: 'file', newgfid: directory, newbname: name, xdata }];
  yield ['rename', { oldgfid: directory, oldbname: name, newgfid: ROOT_KEY, newbname: 'got-it', xdata }];
  yield ['rmdir', { pargfid: directory, bname: name, xflags: 1, xdata }];
  yield ['create', { pargfid: directory, bname: name, mode: 0o644, flags: 0o1102, xdata }];
  for (const create of [true, false]) yield ['xattrop', markOf(directory, name, create)];
}

/** Goes up as far as `..` leads, and tries to do harm there. */
async function climb(t: Test, client: RawClient, from: string, what: string): Promise<void> {
  let at = from;
  for (let level = 0; level < 10; level++) {
    const { ret, rsp } = await client.lookup(at, '..');
    if (ret !== 0) break;
    at = keyOf(rsp.prestat.gfid);
    for (const name of [VICTIM, 'decoy', 'etc']) {
      t.equal((await client.lookup(at, name)).ret, -1, `${name}, ${level + 1} above ${what}`);
    }
    await client.call('unlink', { pargfid: at, bname: VICTIM });
  }
  const fields = { gfid: at, fd: ANONYMOUS, size: 65536 };
  const { rsp } = await client.call('readdir', fields);
  const names = ((rsp?.reply ?? []) as { name: string }[]).map((entry) => entry.name);
  for (const name of ['decoy', 'etc', 'brick.log']) t.notOk(names.includes(name), `${name} is listed from ${what}`);
}

t.test('every fop with every kind of name in every kind of directory', { skip }, async (t) => {
  const brick = new BrickProcess({ volfile: trash });
  const decoy = decoyBeside(brick);
  await brick.start();
  t.teardown(() => brick.remove());
  const honest = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const kinds = await directories(honest);
  const { gfid: file } = await honest.create(ROOT_KEY, 'file', 0o666);
  const before = outside(brick);
  const up = '../'.repeat(12);
  const names = ['..', '.', '', 'x'.repeat(256), `../${VICTIM}`, '/', 'x\0y', '..\0', `../../../../${VICTIM}`];
  names.push(`../../../../decoy/${VICTIM}`, `${decoy}/${VICTIM}`, `${up}${decoy}/below/x`);
  // As root, too: it must not be the permissions outside that keep it in.
  const clients: [Who, string, string[]][] = [
    [USER, '/', Object.keys(kinds)],
    [ROOT_USER, '/', Object.keys(kinds)],
    [USER, '/plain', ['root', 'plain', 'xattrop_entry_changes']],
  ];
  for (const [who, subdir, tried] of clients) {
    const client = await RawClient.login(brick.port, brick.brick, who, { 'subdir-mount': subdir });
    for (const what of tried) {
      const key = kinds[what]!;
      const calls = names.flatMap((name, i) => [
        ...(i === 0 ? FOPS : NAMING).map((fop) =>
          client.call(fop.name, hostile(fop, key, name), who, Buffer.alloc(512)),
        ),
        ...[...furtherRequests(key, file, name)].map(([fop, fields]) => client.call(fop, { ...fields })),
      ]);
      const answers = await Promise.all(calls);
      t.equal(answers.length, calls.length, `all answered in ${what} by uid ${who.uid}`);
      await climb(t, client, key, `${what} of ${subdir} by uid ${who.uid}`);
    }
    client.end();
  }
  t.strictSame(outside(brick), before, 'what is outside is as it was');
  await honest.mkdir(ROOT_KEY, 'afterwards');
  const made = await honest.create(ROOT_KEY, 'honest');
  const written = await honest.call('writev', { ...made, offset: 0, size: 5 }, ROOT_USER, Buffer.from('hello'));
  t.equal(written.ret, 5);
  const read = await honest.call('readv', { ...made, offset: 0, size: 5 });
  t.equal(read.payload.toString(), 'hello');
  t.equal(brick.exit, null);
  honest.end();
});

t.test('names that are no entries', { skip }, async (t) => {
  const brick = await new BrickProcess().start();
  t.teardown(() => brick.remove());
  await t.test('are answered as by stock', (t) => refusedNames(t, brick));
  await t.test('. and .. are the directory and the one above it', (t) => dots(t, brick));
});

async function refusedNames(t: Test, brick: BrickProcess): Promise<void> {
  const client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const directory = await client.mkdir(ROOT_KEY, 'd');
  const { gfid: file } = await client.create(ROOT_KEY, 'f');
  const expected: [string, number, number, number][] = [
    ['.', EEXIST, EISDIR, ENOENT],
    ['..', EEXIST, EISDIR, ENOENT],
    ['', EEXIST, EISDIR, ENOENT],
    ['a/b', EPERM, EPERM, EPERM],
    ['x'.repeat(256), ENAMETOOLONG, ENAMETOOLONG, ENAMETOOLONG],
  ];
  for (const [bname, making, creating, removing] of expected) {
    const at = { pargfid: directory, bname, xdata: gfidRequest(newKey()) };
    const from = { oldgfid: directory, oldbname: bname, newgfid: ROOT_KEY, newbname: 'new' };
    const to = { oldgfid: ROOT_KEY, oldbname: 'f', newgfid: directory, newbname: bname };
    const made = { linkname: 'x', mode: 0o100644, ...at };
    const what = JSON.stringify(bname.slice(0, 4));
    for (const fop of ['mknod', 'mkdir', 'symlink', 'namelink'] as const) {
      t.equal((await client.call(fop, made)).errno, making, `${fop} of ${what}`);
    }
    const link = { oldgfid: file, newgfid: directory, newbname: bname };
    t.equal((await client.call('link', link)).errno, making, `link to ${what}`);
    t.equal((await client.call('rename', to)).errno, making, `rename to ${what}`);
    t.equal((await client.call('create', { ...at, flags: 2 })).errno, creating, `create of ${what}`);
    t.equal((await client.call('unlink', at)).errno, removing, `unlink of ${what}`);
    t.equal((await client.call('rmdir', at)).errno, removing, `rmdir of ${what}`);
    t.equal((await client.call('rename', from)).errno, removing, `rename of ${what}`);
  }
  client.end();
}

async function dots(t: Test, brick: BrickProcess): Promise<void> {
  let client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const a = await client.mkdir(ROOT_KEY, 'a');
  const b = await client.mkdir(a, 'b');
  const found = async (parent: string, name: string): Promise<string> =>
    keyOf((await client.lookup(parent, name)).rsp.prestat.gfid);
  const check = async (when: string): Promise<void> => {
    t.equal(await found(b, '..'), a, `above a directory, ${when}`);
    t.equal(await found(b, '.'), b, `a directory, ${when}`);
    t.equal(await found(a, '..'), ROOT_KEY, `above a directory of the root, ${when}`);
    t.equal(await found(ROOT_KEY, '.'), ROOT_KEY, `the root, ${when}`);
    t.equal(await found(ROOT_KEY, '..'), ROOT_KEY, `above the root, ${when}`);
    const moved = { oldgfid: ROOT_KEY, oldbname: 'a', newgfid: ROOT_KEY, newbname: 'a2' };
    t.equal((await client.call('rename', moved)).ret, 0, `renamed, ${when}`);
    const back = { oldgfid: ROOT_KEY, oldbname: 'a2', newgfid: ROOT_KEY, newbname: 'a' };
    t.equal((await client.call('rename', back)).ret, 0, `and back, ${when}`);
  };
  await check('by their names');
  const { gfid: file } = await client.create(a, 'f');
  t.equal((await client.lookup(file, '.')).errno, EPERM, 'of a file');
  t.equal((await client.lookup(file, '..')).errno, EPERM, 'above a file');
  client.end();
  await brick.stop();
  await brick.start();
  client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  await check('by their gfids alone');
  client.end();
  client = await RawClient.login(brick.port, brick.brick, ROOT_USER, { 'subdir-mount': '/a' });
  t.equal(await found(ROOT_KEY, '..'), ROOT_KEY, 'above what is mounted');
  t.equal(await found(a, '..'), ROOT_KEY, 'by its own gfid');
  client.end();
}

t.test("the virtual directories are root's, and read-only where the volume is", { skip }, async (t) => {
  let protect = false;
  const brick = new BrickProcess({ volfile: (text) => (protect ? readOnly(text) : text) });
  await brick.start();
  t.teardown(() => brick.remove());
  let client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const directory = await client.mkdir(ROOT_KEY, 'd', 0o777);
  for (const name of ['one', 'two', 'three']) await client.call('xattrop', markOf(directory, name), HEALER);
  const open = async (who: Who) => {
    const top = await virtualKey(client, 'xattrop_entry_changes', who);
    const opened = await client.call('opendir', { gfid: top }, HEALER);
    const { rsp } = await client.call('readdir', { gfid: top, fd: opened.rsp.fd, size: 4096 }, HEALER);
    const { name } = (rsp.reply as { name: string }[])[0]!;
    const sub = keyOf((await client.lookup(top, name, HEALER)).rsp.prestat.gfid);
    return { top, name, sub, fd: opened.rsp.fd as number };
  };
  const { top, name, sub, fd } = await open(USER);
  for (const gfid of [top, sub]) {
    const refused: [TableName, object][] = [
      ['lookup', { pargfid: gfid, bname: gfid === top ? name : 'one' }],
      ['opendir', { gfid }],
      ['readdir', { gfid, fd, size: 4096 }],
      ['readdir', { gfid, fd: ANONYMOUS, size: 4096 }],
      ['unlink', { pargfid: gfid, bname: 'one' }],
      ['rmdir', { pargfid: gfid, bname: name, xflags: 1 }],
    ];
    for (const [fop, fields] of refused) {
      const answer = await client.call(fop, { ...fields }, USER);
      t.equal(answer.errno, fop === 'unlink' && gfid === top ? answer.errno : EACCES, `${fop} by somebody`);
      t.equal(answer.ret, -1, `${fop} by somebody`);
    }
  }
  t.equal((await client.call('unlink', { pargfid: sub, bname: 'one' }, ROOT_USER)).ret, 0, 'root may');
  client.end();
  await brick.stop();
  protect = true;
  await brick.start();
  client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const again = await open(ROOT_USER);
  for (const fop of ['unlink', 'rmdir'] as const) {
    const fields = { pargfid: fop === 'unlink' ? again.sub : again.top, bname: fop === 'unlink' ? 'two' : again.name };
    t.equal((await client.call(fop, fields, ROOT_USER)).errno, EROFS, `${fop} on a read-only volume`);
  }
  for (const create of [true, false]) {
    const mark = await client.call('xattrop', markOf(directory, 'three', create), ROOT_USER);
    t.equal(mark.errno, EROFS, 'names to heal on a read-only volume');
  }
  t.equal((await client.call('unlink', { pargfid: again.sub, bname: 'two' }, HEALER)).ret, 0, 'self-heal goes on');
  client.end();
});

t.test('a read-only volume stays as it is, whatever is tried', { skip }, async (t) => {
  let protect = false;
  const brick = new BrickProcess({ volfile: (text) => (protect ? readOnly(text) : text) });
  await brick.start();
  t.teardown(() => brick.remove());
  let client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const directory = await client.mkdir(ROOT_KEY, 'd', 0o777);
  const { gfid, fd } = await client.create(directory, 'f', 0o666);
  await client.call('writev', { gfid, fd, offset: 0, size: 5 }, ROOT_USER, Buffer.from('hello'));
  await client.create(directory, 'g', 0o666);
  client.end();
  await brick.stop();
  protect = true;
  await brick.start();
  client = await RawClient.login(brick.port, brick.brick, ROOT_USER);
  const contents = (): string[] => listing(brick.brick, (path) => path.endsWith('/health_check'));
  const before = contents();
  const opened = await client.call('open', { gfid, flags: 0 });
  const calls: Promise<{ ret: number; errno: number }>[] = [];
  for (const fop of FOPS) {
    if (fop.name === 'release' || fop.name === 'releasedir') continue;
    for (const number of [ANONYMOUS, opened.rsp.fd as number]) {
      const at = { gfid, pargfid: directory, oldgfid: directory, newgfid: directory, fd: number, fd_in: number };
      const fields = { ...requestOf(fop.name), xdata: gfidRequest(newKey()) } as Record<string, unknown>;
      for (const [field, value] of Object.entries(at)) if (field in fields) fields[field] = value;
      Object.assign(fields, { bname: 'f', oldbname: 'f', newbname: 'new', linkname: 'x', name: 'user.x', namelen: 6 });
      Object.assign(fields, { mode: 0o100644, valid: 1, len: 4, size: 4, offset: 0, dict: dictOf({ 'user.x': 'y' }) });
      if (fop.name === 'readdir' || fop.name === 'readdirp') fields['offset'] = 0n;
      if (fop.name === 'copyFileRange') Object.assign(fields, { gfid1: gfid, gfid2: gfid, off_in: 0, off_out: 8 });
      const call = client.call(fop.name, fields, ROOT_USER, Buffer.from('bad!'));
      if (fop.changesData) call.then(({ errno }) => t.equal(errno, EROFS, `${fop.name} of fd ${number}`));
      calls.push(call);
    }
  }
  for (const flags of [1, 2, 0o1000, 0o1001, 0o1002]) {
    const call = client.call('open', { gfid, flags });
    call.then(({ errno }) => t.equal(errno, EROFS, `open with flags ${flags}`));
    calls.push(call);
  }
  for (const bname of ['made', 'g']) {
    const made = { pargfid: directory, bname, mode: 0o100644, linkname: 'x', flags: 2, xdata: gfidRequest(newKey()) };
    for (const fop of ['mknod', 'mkdir', 'symlink', 'create', 'namelink', 'unlink', 'rmdir'] as const) {
      calls.push(client.call(fop, made));
    }
  }
  await Promise.all(calls);
  t.strictSame(contents(), before);
  client.end();
});
