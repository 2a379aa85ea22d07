import { existsSync, mkdirSync, renameSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Fops } from '../../../mux/xlator/fops.js';
import { gfidText, parseGfid } from '../../../mux/xlator/gfid.js';
import { Fd } from '../../../mux/xlator/inode.js';
import { bytesOfText } from '../../../native/bytes.js';
import { EBADF, EINVAL, EIO, ENOENT } from '../../../native/errno.js';
import { client, errnoOf, newGfid, withGfid } from '../posix/harness.js';
import { BAD, BITD, HEAL, SCRUB, stack } from './bitrot-stack.js';

t.test('bad files', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  const { stub } = s;
  await s.write(fd, 'data');
  const asBitd = { fd, dict: new Dict().setInt(BAD, 1), flags: 0, xdata: null };
  t.equal(await errnoOf(() => stub.fsetxattr(s.call(BITD), asBitd)), EINVAL);
  await s.markBad(inode);
  const text = gfidText(inode.gfid);
  t.strictSame(s.listed(), [text]);
  t.equal(s.brick.xattr(s.brick.path('f'), BAD), '3100');
  t.equal(await errnoOf(() => s.read(fd)), EIO);
  t.equal(await errnoOf(() => s.write(fd, 'x')), EIO);
  t.equal(await errnoOf(() => s.open(inode, 0)), EIO);
  t.equal(await errnoOf(() => stub.truncate(s.call(), { inode, offset: 0, xdata: null })), EIO);
  t.equal(await errnoOf(() => stub.stat(s.call(), { inode, xdata: null })), EIO);
  t.equal(await errnoOf(() => stub.fstat(s.call(), { fd, xdata: null })), EIO);
  t.equal(await errnoOf(() => s.stale(inode)), EIO);
  const uuid = 'trusted.glusterfs.node-uuid';
  t.equal(await errnoOf(() => stub.getxattr(s.call(), { inode, name: uuid, xdata: null })), EIO);
  t.equal((await s.lookup('f')).xdata!.number('glusterfs.bad-inode'), 1);
  t.ok((await stub.getxattr(s.call(SCRUB), { inode, name: BAD, xdata: null })).dict!.has(BAD), 'the daemons may ask');
  t.notOk((await stub.getxattr(s.call(), { inode, name: '', xdata: null })).dict!.has(BAD));
  s.close(fd);
  s.stub.forget(inode);
  t.equal((await s.lookup('f')).xdata!.number('glusterfs.bad-inode'), 1, 'after a restart');
  t.equal(await errnoOf(() => s.open(inode, 0)), EIO);

  // Another name keeps it on the list.
  const { root, table } = s.brick;
  const posix = s.brick.posix as unknown as Fops;
  await posix.link(s.call(), { inode, newLoc: { inode, parent: root, name: 'g' }, xdata: null });
  table.link(root, 'g', inode.gfid, inode.type);
  await stub.unlink(s.call(), { loc: { inode, parent: root, name: 'f' }, xflags: 0, xdata: null });
  t.strictSame(s.listed(), [text]);
  const over = await s.create('h');
  s.close(over.fd);
  const rename = { oldLoc: { inode: over.inode, parent: root, name: 'h' }, newLoc: { inode, parent: root, name: 'g' } };
  await stub.rename(s.call(), { ...rename, xdata: null });
  t.strictSame(s.listed(), []);
});

t.test('a name that is known as another file', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  s.close(fd);
  await s.markBad(inode);
  s.stub.forget(inode);
  s.brick.table.link(s.brick.root, 'f', newGfid(), 0o120777);
  const found = await s.lookup('f');
  t.equal(found.inode, inode);
  t.equal(await errnoOf(() => s.open(inode, 0)), EIO, 'its xattrs are still to be read');
});

t.test('a bad file that was removed on the brick is healed', async (t) => {
  const s = await stack(t);
  const gfid = newGfid();
  const { inode, fd } = await s.create('f', 100, withGfid(gfid));
  await s.write(fd, 'data');
  s.close(fd);
  await s.markBad(inode);
  unlinkSync(s.brick.path('f'));
  t.equal(await errnoOf(() => s.lookup('f')), ENOENT);
  t.equal(s.listed().length, 1, 'its handle is still there');
  unlinkSync(s.brick.handle(gfid));
  t.equal(await errnoOf(() => s.lookup('f')), ENOENT);
  t.strictSame(s.listed(), []);
  s.brick.table.unlink(s.brick.root, 'f');
  const healed = await s.create('f', HEAL, withGfid(gfid));
  await s.write(healed.fd, 'data');
  t.equal(s.version('f'), 2);
  s.close(healed.fd);

  // The same without a look-up between the removal and the heal.
  await s.markBad(healed.inode);
  unlinkSync(s.brick.path('f'));
  unlinkSync(s.brick.handle(gfid));
  s.brick.table.unlink(s.brick.root, 'f');
  const again = await s.create('f', HEAL, withGfid(gfid));
  await s.write(again.fd, 'data');
  s.close(again.fd);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.strictSame(s.listed(), []);
});

t.test('the list as a directory', async (t) => {
  const s = await stack(t);
  const { inode, fd } = await s.create('f');
  s.close(fd);
  await s.markBad(inode);
  const gfid = parseGfid('00000000-0000-0000-0000-000000000008')!;
  const none = { inode: null, parent: null, name: '' };
  const { stat } = await s.stub.lookup(s.call(SCRUB), { loc: none, gfid, xdata: null });
  t.strictSame([stat.mode & 0o170777, gfidText(stat.gfid)], [0o40600, gfidText(gfid)]);
  const directory = s.brick.table.intern(stat.gfid, stat.mode);
  const list = new Fd(directory, 0, client, SCRUB);
  t.equal(await errnoOf(() => s.stub.readdir(s.call(), { fd: list, offset: 0n, size: 4096, xdata: null })), EBADF);
  await s.stub.opendir(s.call(SCRUB), { inode: directory, fd: list, xdata: null });
  const first = await s.stub.readdir(s.call(SCRUB), { fd: list, offset: 0n, size: 4096, xdata: null });
  const name = gfidText(inode.gfid);
  t.strictSame(
    first.entries.map((e) => e.name),
    [name],
  );
  t.equal(first.xdata!.text(name), '/f');
  const rest = await s.stub.readdir(s.call(), { fd: list, offset: first.entries[0]!.offset, size: 4096, xdata: null });
  t.strictSame([rest.entries.length, rest.errno], [0, ENOENT]);
  s.stub.releasedir(list);
  const below = { inode: null, parent: directory, name };
  t.equal(await errnoOf(() => s.stub.lookup(s.call(), { loc: below, gfid: null, xdata: null })), EINVAL);
});

t.test('the directory on disk', async (t) => {
  const s = await stack(t, false);
  const at = (name: string) => s.brick.path('.glusterfs', name);
  t.notOk(existsSync(at('quarantine')), 'off: there is none');
  mkdirSync(at('quanrantine'));
  writeFileSync(`${at('quanrantine')}/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(11)}9`, '');
  await s.stub.reconfigure({ bitrot: true, export: bytesOfText(s.brick.dir) });
  t.equal(s.listed().length, 1, 'what an early release has left');
  t.match(s.stub.dump()[0]!.lines, ['bad-files=1']);
  t.equal(statSync(`${at('quarantine')}/stub-00000000-0000-0000-0000-000000000008`).size, 0);
  await s.stub.reconfigure({ bitrot: false, export: bytesOfText(s.brick.dir) });
  t.strictSame(s.stub.dump(), []);

  const other = await stack(t, false);
  writeFileSync(other.brick.path('.glusterfs/quarantine'), '');
  const on = { bitrot: true, export: bytesOfText(other.brick.dir) };
  await t.rejects(other.stub.reconfigure(on), { message: /^brick .*quarantine failed: EEXIST/ });
  t.notOk(other.stub.wants('writev'));
  renameSync(other.brick.path('.glusterfs/quarantine'), other.brick.path('.glusterfs/x'));
  await other.stub.reconfigure(on);
  // The common file may be gone, and the list with it: marking goes on.
  unlinkSync(other.brick.path('.glusterfs/quarantine/stub-00000000-0000-0000-0000-000000000008'));
  const { inode, fd } = await other.create('f');
  other.close(fd);
  await other.markBad(inode);
  t.equal(other.listed().length, 1);
  unlinkSync(other.brick.path('.glusterfs/quarantine', other.listed()[0]!));
  rmdirSync(other.brick.path('.glusterfs/quarantine'));
  const second = await other.create('g');
  other.close(second.fd);
  await other.markBad(second.inode);
  t.match(other.brick.log.join('\n'), /adding .* to the list of bad files failed/);
  t.equal(await errnoOf(() => other.open(second.inode)), EIO);
});
