import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { Dict, DictType } from '../../../mux/xlator/dict.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { EACCES, EEXIST, EINVAL, ENODATA, ENOENT, ENOTDIR, ENOTSUP, EPERM, ERANGE } from '../../../native/errno.js';
import { decodeMdata, encodeMdata, Mdata } from '../../../posix/disk/format/mdata-record.js';
import { brick, openFile } from './files.js';
import { type Brick, errnoOf, REMOVE } from './harness.js';

const get = (b: Brick, inode: Inode, name: string, pid = 100, xdata: Dict | null = null) => {
  const call = b.call();
  call.pid = pid;
  return Promise.resolve().then(() => b.posix.getxattr(call, { inode, name, xdata }));
};
const set = (b: Brick, inode: Inode, dict: Dict, flags = 0, xdata: Dict | null = null) =>
  b.posix.setxattr(b.call(1), { inode, dict, flags, xdata });
const bytes = (text: string) => Buffer.from(text, 'latin1');
const keys = (dict: Dict | null) => [...dict!.map.keys()].sort();

t.test('setxattr and getxattr', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const before = b.xattr(b.path('f'), 'trusted.glusterfs.mdata');
  const dict = new Dict().setBytes('user.a', bytes('value')).setText('user.b', 'text').setInt('user.c', 12);
  const { xdata } = await set(b, inode, dict);
  t.same(keys(xdata), ['dht-get-iatt-in-xattr', 'virt-gf-poststat', 'virt-gf-prestat']);
  t.equal((xdata!.get('virt-gf-poststat')!.value as Iatt).mode, 0o100640);
  t.equal(b.xattr(b.path('f'), 'user.b'), Buffer.from('text\0').toString('hex'), 'strings with their end');
  t.equal(b.xattr(b.path('f'), 'user.c'), Buffer.from('12\0').toString('hex'));
  t.equal(b.xattr(b.path('f'), 'trusted.glusterfs.mdata'), before, 'by path the times stay');
  const reply = b.posix.getxattr(b.call(), { inode, name: 'user.a', xdata: null });
  t.notOk(reply instanceof Promise);
  const r = await reply;
  t.equal(r.ret, 5);
  t.equal(r.dict!.text('user.a'), 'value');
  t.equal(await errnoOf(() => get(b, inode, 'user.none')), ENODATA);
  t.equal(await errnoOf(() => get(b, inode, 'nonsense')), ENOTSUP);
  t.equal(await errnoOf(() => set(b, inode, new Dict().setBytes('user.a', bytes('x')), 1)), EEXIST);
  t.equal(await errnoOf(() => set(b, inode, new Dict().setBytes('user.z', bytes('x')), 2)), ENODATA);
  const many = new Dict();
  for (let i = 0; i < 50; i++) many.setBytes(`user.m${i}`, bytes(`v${i}`));
  await set(b, inode, many);
  t.equal((await get(b, inode, 'user.m49')).dict!.text('user.m49'), 'v49');

  const call = b.call(1);
  const f = await b.posix.fsetxattr(call, {
    fd,
    dict: new Dict().setBytes('user.f', bytes('1')),
    flags: 0,
    xdata: new Dict().setInt('trusted.glusterfs.durable-op', 1),
  });
  t.equal((f.xdata!.get('virt-gf-poststat')!.value as Iatt).ctime, call.timeSec, 'by fd they change');
  t.equal((await b.posix.fgetxattr(b.call(), { fd, name: 'user.f', xdata: null })).ret, 1);
  t.equal(await errnoOf(() => b.posix.fgetxattr(b.call(), { fd, name: 'user.none', xdata: null })), ENODATA);
  execFileSync('rm', [b.path('f'), b.handle(inode.gfid)]);
  t.equal(await errnoOf(() => get(b, inode, 'user.a')), ENOENT);
  t.equal(await errnoOf(() => set(b, inode, dict)), ENOENT);
});

t.test('large values', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mknod(b.root, 'f');
  const large = Buffer.alloc(3000, 'l');
  await set(b, inode, new Dict().setBytes('user.large', large));
  const r = await get(b, inode, 'user.large');
  t.equal(r.ret, 3000);
  t.ok(large.equals(r.dict!.bytes('user.large')!));
  t.ok(large.equals((await get(b, inode, '')).dict!.bytes('user.large')!));
});

t.test('names that are nobody’s to set', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const gfid = b.xattr(b.path('f'), 'trusted.gfid');
  const one = (name: string) => new Dict().setBytes('user.first', bytes('1')).setBytes(name, bytes('x'.repeat(16)));
  await set(b, inode, one('trusted.gfid'));
  await set(b, inode, one('trusted.glusterfs.volume-id'));
  await set(b, inode, one('trusted.io-stats-dump'));
  await set(b, inode, one('glusterfs.internal-ctx'));
  await set(b, inode, one('force-replace'));
  t.equal(b.xattr(b.path('f'), 'trusted.gfid'), gfid);
  t.equal(b.xattr(b.path('f'), 'trusted.io-stats-dump'), null);
  t.equal(await errnoOf(() => set(b, inode, one('glusterfs.pathinfo'))), EACCES);
  t.equal(await errnoOf(() => set(b, inode, one('trusted.gfid2path.0123456789abcdef'))), ENOTSUP);
  const byFd = (name: string) =>
    errnoOf(() => b.posix.fsetxattr(b.call(), { fd, dict: one(name), flags: 0, xdata: null }));
  t.equal(await byFd('trusted.gfid2path.0123456789abcdef'), ENOTSUP);
  t.equal(await byFd('trusted.glusterfs.pathinfo'), EACCES);
  t.equal(await byFd('glusterfs.posix.acl'), ENOTSUP, 'ACL text goes by path only');
  const remove = (name: string, xdata: Dict | null = null) =>
    errnoOf(() => b.posix.removexattr(b.call(), { inode, name, xdata }));
  t.equal(await remove('trusted.gfid'), EPERM);
  t.equal(await remove('trusted.glusterfs.volume-id'), EPERM);
  t.equal(await remove('trusted.gfid2path.0123456789abcdef'), ENODATA);
  t.equal(await remove('', new Dict().setInt('trusted.gfid', 1).setInt('user.first', 1)), EPERM);
  t.not(b.xattr(b.path('f'), 'user.first'), null);
});

t.test('listing', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mknod(b.root, 'f');
  const put = (name: string, value: string) => execFileSync('setfattr', ['-n', name, '-v', value, b.path('f')]);
  put('user.a', 'abc');
  put('trusted.glusterfs.1234.xtime', 'x');
  put('trusted.afr.v-client-0', '0x000000000000000000000000');
  const names = (pid: number) => get(b, inode, '', pid).then((r) => keys(r.dict));
  t.same(await names(100), ['trusted.afr.v-client-0', 'user.a']);
  t.same(await names(-6), ['trusted.afr.v-client-0', 'trusted.glusterfs.mdata', 'user.a']);
  t.equal(await errnoOf(() => get(b, inode, 'trusted.glusterfs.mdata')), ENODATA);
  t.equal((await get(b, inode, 'trusted.glusterfs.mdata', -6)).ret, 57);
  t.equal(await errnoOf(() => get(b, inode, 'trusted.glusterfs.1234.xtime')), ENODATA);
  t.equal((await get(b, inode, 'trusted.glusterfs.1234.xtime', -1)).ret, 1);
  t.equal((await get(b, inode, '', -1)).dict!.has('trusted.glusterfs.1234.xtime'), false);
  const gfid2path = execFileSync('getfattr', ['--absolute-names', '-m', 'gfid2path', b.path('f')])
    .toString()
    .match(/trusted\.gfid2path\.\w+/)![0];
  t.equal(await errnoOf(() => get(b, inode, gfid2path, -1)), ENODATA);
  const own = await get(b, inode, 'trusted.gfid');
  t.equal(own.ret, 16);
  t.equal(own.dict!.size, 0);
  const asked = await get(b, inode, 'user.a', 100, new Dict().setInt('trusted.afr.*', 0));
  t.same(keys(asked.xdata), ['trusted.afr.v-client-0']);
  for (let i = 0; i < 20; i++) put(`user.long${i}`, 'y'.repeat(80));
  t.equal((await get(b, inode, '')).dict!.size, 22);
});

t.test('removexattr', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const dict = new Dict();
  for (let i = 0; i < 30; i++) dict.setBytes(`user.m${i}`, bytes('x'));
  await set(b, inode, dict);
  const call = b.call(1);
  const r = await b.posix.removexattr(call, { inode, name: 'user.m0', xdata: null });
  t.equal((r.xdata!.get('virt-gf-poststat')!.value as Iatt).ctime, call.timeSec);
  t.equal(await errnoOf(() => b.posix.removexattr(b.call(), { inode, name: 'user.m0', xdata: null })), ENODATA);
  await b.posix.fremovexattr(b.call(), { fd, name: 'user.m1', xdata: null });
  t.equal(await errnoOf(() => b.posix.fremovexattr(b.call(), { fd, name: '', xdata: null })), ERANGE);
  await b.posix.removexattr(b.call(), { inode, name: '', xdata: dict });
  t.same(keys((await get(b, inode, '')).dict), [], 'many at once, those that are gone already included');
});

t.test('ACLs as text', async (t) => {
  const { b, inode } = await openFile(t);
  const plain = await get(b, inode, 'glusterfs.posix.acl');
  t.equal(plain.dict!.text('glusterfs.posix.acl'), 'u::rw-,g::r--,o::---');
  t.equal(plain.ret, 0);
  t.equal(await errnoOf(() => get(b, inode, 'glusterfs.posix.default_acl')), EACCES);
  t.equal((await get(b, b.root, 'glusterfs.posix.default_acl')).dict!.text('glusterfs.posix.default_acl'), '');
  const acl = 'user::rw-,user:1000:r--,group::r--,mask::r--,other::---';
  const { xdata } = await set(b, inode, new Dict().setText('glusterfs.posix.acl', acl));
  t.equal(
    xdata!.get('system.posix_acl_access')!.value instanceof Uint8Array &&
      Buffer.from(xdata!.bytes('system.posix_acl_access')!).toString('hex'),
    b.xattr(b.path('f'), 'system.posix_acl_access'),
  );
  t.match(execFileSync('getfacl', ['-nc', '--absolute-names', b.path('f')]).toString(), /user:1000:r--/);
  t.equal(
    (await get(b, inode, 'glusterfs.posix.acl')).dict!.text('glusterfs.posix.acl'),
    'u::rw-,u:1000:r--,g::r--,m::r--,o::---',
  );
  const bad = (text: string, name = 'glusterfs.posix.acl') =>
    errnoOf(() => set(b, inode, new Dict().setText(name, text)));
  t.equal(await bad('garbage'), EPERM);
  t.equal(await bad('u::rw-'), EINVAL, 'the kernel wants a whole one');
  t.equal(await bad('u::rw-,g::r--,o::---', 'glusterfs.posix.default_acl'), EACCES);
  const d = await b.mkdir(b.root, 'd');
  await set(b, d.inode, new Dict().setText('glusterfs.posix.default_acl', 'u::rwx,g::rx,o::---'));
  t.match(execFileSync('getfacl', ['-nc', '--absolute-names', b.path('d')]).toString(), /default:group::r-x/);
  // A pointer file of DHT keeps its mode.
  const linkto = await b.mknod(b.root, 'linkto', 0o101000);
  await set(b, linkto.inode, new Dict().setText('glusterfs.posix.acl', acl));
  t.equal(b.xattr(b.path('linkto'), 'system.posix_acl_access'), null);
  t.equal((await b.posix.stat(b.call(), { inode: linkto.inode, xdata: null })).stat.mode, 0o101000);
});

t.test('time records', async (t) => {
  const { b, inode } = await openFile(t);
  const record = () => {
    const hex = b.xattr(b.path('f'), 'trusted.glusterfs.mdata')!;
    return decodeMdata(Buffer.from(hex, 'hex'), 0, 57)!;
  };
  const now = record();
  const given = Mdata.at(now.mtime - 10, 0);
  given.atime = now.atime + 1000;
  await set(b, inode, new Dict().setBytes('trusted.glusterfs.mdata', Buffer.from(encodeMdata(given))));
  t.same([record().mtime, record().atime], [now.mtime, now.atime + 1000], 'the larger times count');
  execFileSync('setfattr', ['-x', 'trusted.glusterfs.mdata', b.path('f')]);
  b.posix.forget(inode);
  const value = { atime: 11, mtime: 22, ctime: 33, atimeNsec: 1, mtimeNsec: 2, ctimeNsec: 3 };
  const heal = new Dict().set('set-ctime-mdata', { type: DictType.mdata, value });
  t.same(await set(b, inode, heal), { xdata: null });
  t.same([record().atime, record().mtimeNsec, record().ctime], [11, 2, 33]);
  t.equal((await b.posix.stat(b.call(), { inode, xdata: null })).stat.mtime, 22);
  t.equal(await errnoOf(() => set(b, inode, new Dict().setBytes('trusted.glusterfs.mdata', bytes('short')))), EINVAL);
});

t.test('healing of a directory’s xattrs', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mkdir(b.root, 'd');
  await set(
    b,
    inode,
    new Dict().setBytes('user.old', bytes('1')).setBytes('user.kept', bytes('1')).setBytes('trusted.x', bytes('1')),
  );
  await set(
    b,
    inode,
    new Dict().setBytes('user.kept', bytes('2')).setBytes('user.new', bytes('3')),
    0,
    new Dict().setInt('sync_backend_xattrs', 1),
  );
  const r = (await get(b, inode, '')).dict!;
  t.same(keys(r), ['trusted.x', 'user.kept', 'user.new']);
  t.equal(r.text('user.kept'), '2');
});

t.test('a change that comes while a directory is healed is not undone', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mkdir(b.root, 'd');
  const healed = new Dict().setBytes('user.a', bytes('old')).setBytes('user.b', bytes('old'));
  for (let i = 0; i < 40; i++) healed.setBytes(`user.more${i}`, bytes('1'));
  for (let round = 0; round < 10; round++) {
    await set(b, inode, healed);
    const heal = set(b, inode, healed, 0, new Dict().setInt('sync_backend_xattrs', 1));
    const change = set(b, inode, new Dict().setBytes('user.a', bytes('new')));
    const removal = b.posix.removexattr(b.call(), { inode, name: 'user.b', xdata: null });
    await Promise.all([heal, change, removal]);
    const r = (await get(b, inode, '')).dict!;
    t.equal(r.text('user.a'), 'new');
    t.notOk(r.has('user.b'));
  }
});

t.test('questions', async (t) => {
  const b = await brick(t, {
    hostname: 'host1',
    'glusterd-uuid': '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  });
  const d = await b.mkdir(b.root, 'Dir');
  const f = await b.create(d.inode, 'FiLe');
  const { inode } = f;
  const ask = async (name: string, of = inode) => {
    const r = await get(b, of, name);
    return [r.dict!.text(name), r.ret];
  };
  const path = `<POSIX(${b.dir}):host1:${b.dir}/Dir/FiLe>`;
  t.same(await ask('trusted.glusterfs.pathinfo'), [path, path.length]);
  t.same(await ask('glusterfs.pathinfo'), [path, path.length]);
  t.same(await ask('trusted.glusterfs.node-uuid'), ['6ba7b810-9dad-11d1-80b4-00c04fd430c8', 36]);
  t.same(await ask('glusterfs.gfid2path'), ['/Dir/FiLe', 9]);
  t.same(await ask('glusterfs.gfid2path', b.root), ['/', 1]);
  t.same(await ask('glusterfs.gfidtopath'), ['/Dir/FiLe', 0]);
  t.same(await ask('glusterfs.gfidtopath', d.inode), ['/Dir', 0]);
  t.same(await ask('glusterfs.ancestry.path', d.inode), ['/Dir', 0]);
  t.equal(await errnoOf(() => get(b, inode, 'glusterfs.ancestry.path')), ENODATA);
  t.same(await ask('glusterfs.get_real_filename:file', d.inode), ['FiLe', 5]);
  t.equal(await errnoOf(() => get(b, d.inode, 'glusterfs.get_real_filename:none')), ENODATA);
  t.equal(await errnoOf(() => get(b, inode, 'glusterfs.get_real_filename:x')), ENOTDIR);
  t.equal((await get(b, inode, 'glusterfs.open-fd-count')).dict!.number('glusterfs.open-fd-count'), 1);
  t.equal((await get(b, d.inode, 'glusterfs.open-fd-count')).dict!.number('glusterfs.open-fd-count'), 0);
  const link = { inode, newLoc: { inode, parent: b.root, name: 'second' }, xdata: null };
  await b.posix.link(b.call(REMOVE), link);
  const paths = (await get(b, inode, 'glusterfs.gfidtopath')).dict!.text('glusterfs.gfidtopath')!.split(':').sort();
  t.same(paths, ['/Dir/FiLe', '/second']);
  await b.posix.reconfigure({ ...b.posix.options, 'node-uuid-pathinfo': true, gfid2path: false });
  t.match((await ask('glusterfs.pathinfo'))[0], /:6ba7b810-/);
  t.equal(await errnoOf(() => get(b, inode, 'glusterfs.gfidtopath')), ENODATA);
});

t.test('bit-rot signatures', async (t) => {
  const { b, inode, fd } = await openFile(t);
  const name = 'trusted.glusterfs.get-signature';
  t.same(keys((await get(b, inode, name)).dict), ['trusted.glusterfs.bit-rot.size']);
  await set(
    b,
    inode,
    new Dict().setBytes('trusted.bit-rot.version', bytes('v')).setBytes('trusted.bit-rot.signature', bytes('sig')),
  );
  const r = await get(b, inode, name);
  t.equal(r.dict!.number('trusted.glusterfs.bit-rot.size'), 3);
  t.equal(r.dict!.text('trusted.bit-rot.version'), 'v');
  t.equal((await b.posix.fgetxattr(b.call(), { fd, name, xdata: null })).dict!.size, 3);
});

t.test('any byte in a name', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mknod(b.root, 'f\xff\xe4');
  const name = 'user.\xe4\xff';
  await set(b, inode, new Dict().setBytes(name, bytes('\x00\xff')));
  t.same(keys((await get(b, inode, '')).dict), [name]);
  writeFileSync(Buffer.from(b.path('f\xff\xe4'), 'latin1'), 'x');
  t.equal((await b.posix.stat(b.call(), { inode, xdata: null })).stat.size, 1);
});
