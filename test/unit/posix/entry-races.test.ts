/** Changes of one name by several at a time: what goes loses its handle, what stays keeps it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Dict } from '../../../mux/xlator/dict.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { addon } from '../../../native/addon.js';
import { brick } from './files.js';
import { type Brick, errnoOf, REMOVE, withGfid } from './harness.js';

/** Handles of files and directories that lead to nothing but themselves: each is a leak. */
function strays(b: Brick): string[] {
  const all = execFileSync('find', [
    b.path('.glusterfs'),
    '-regextype',
    'posix-extended',
    '-regex',
    '.*/[0-9a-f]{8}-[^/]*',
  ])
    .toString()
    .trim()
    .split('\n');
  return all.filter((path) => {
    if (path.endsWith('00000001') || path.includes('/landfill/')) return false;
    // A handle of a directory is a symlink, dangling when it has gone.
    if (!existsSync(path)) return true;
    const s = statSync(path);
    return s.isFile() && s.nlink === 1;
  });
}

/** Entries without a handle. */
function handleless(b: Brick, dir = b.dir): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (path === b.path('.glusterfs')) return [];
    const gfid = b.xattr(path, 'trusted.gfid');
    const without = gfid === null || !existsSync(b.handle(Uint8Array.from(Buffer.from(gfid, 'hex')))) ? [path] : [];
    return entry.isDirectory() ? [...without, ...handleless(b, path)] : without;
  });
}

/** Has something else done, unless it must wait for it, right before the first batch with an op of a kind runs. */
function before(b: Brick, op: string, run: () => Promise<unknown>): () => Promise<void> {
  const { queue } = b.posix.store;
  const submit = queue.submit.bind(queue);
  let others: Promise<void> = Promise.resolve();
  queue.submit = (program, lane, priority) => {
    const has = Array.from({ length: program.length }, (_, i) => program.f64[i * 8]! & 0xff).includes(addon.ops[op]!);
    if (!has) return submit(program, lane, priority);
    queue.submit = submit;
    others = run().then(
      () => {},
      () => {},
    );
    const delay = new Promise((resolve) => setTimeout(resolve, 200));
    void Promise.race([others, delay]).then(() => submit(program, lane, priority));
  };
  return () => others;
}

const loc = (parent: Inode, name: string, inode: Inode | null = null) => ({ inode, parent, name });

for (const where of ['the same', 'another']) {
  t.test(`a file made under the new name of a rename to ${where} directory`, async (t) => {
    const b = await brick(t);
    const to = where === 'the same' ? b.root : (await b.mkdir(b.root, 'd')).inode;
    const { inode } = await b.mknod(b.root, 'f');
    const others = before(b, 'RENAME', () => b.mknod(to, 'g'));
    await b.posix.rename(b.call(REMOVE), { oldLoc: loc(b.root, 'f', inode), newLoc: loc(to, 'g'), xdata: null });
    await others();
    t.same((await b.nameless(inode.gfid)).stat.gfid, inode.gfid);
    t.same(strays(b), []);
    t.same(handleless(b), []);
    t.notOk(existsSync(b.path('f')));
  });

  t.test(`the file of the new name goes elsewhere while another is renamed there, to ${where} directory`, async (t) => {
    const b = await brick(t);
    const to = where === 'the same' ? b.root : (await b.mkdir(b.root, 'd')).inode;
    const { inode } = await b.mknod(b.root, 'f');
    const victim = (await b.mknod(to, 'g')).inode;
    const others = before(b, 'RENAME', () =>
      b.posix.rename(b.call(REMOVE), { oldLoc: loc(to, 'g', victim), newLoc: loc(b.root, 'away'), xdata: null }),
    );
    // The table did not know the name when the rename came.
    await b.posix.rename(b.call(REMOVE), { oldLoc: loc(b.root, 'f', inode), newLoc: loc(to, 'g'), xdata: null });
    await others();
    t.same(strays(b), []);
    t.same(handleless(b), []);
  });
}

t.test('another file takes the name that is unlinked', async (t) => {
  const b = await brick(t);
  await b.mknod(b.root, 'f');
  const { inode } = await b.mknod(b.root, 'g');
  const others = before(b, 'UNLINK', () => b.rename(b.root, 'g', b.root, 'f'));
  await b.posix.unlink(b.call(REMOVE), { loc: loc(b.root, 'f'), xflags: 0, xdata: null });
  await others();
  t.same(strays(b), []);
  t.same(handleless(b), []);
  t.same((await b.nameless(inode.gfid)).stat.gfid, inode.gfid, 'it was not the one to go');
});

t.test('another directory takes the name that is removed', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mkdir(b.root, 'd');
  const others = before(b, 'UNLINK', async () => {
    await b.posix.rename(b.call(REMOVE), { oldLoc: loc(b.root, 'd', inode), newLoc: loc(b.root, 'e'), xdata: null });
    await b.posix.mkdir(b.call(), { loc: loc(b.root, 'd'), mode: 0o755, umask: 0, xdata: withGfid() });
  });
  const removed = await errnoOf(() =>
    b.posix.rmdir(b.call(REMOVE), { loc: loc(b.root, 'd', inode), flags: 0, xdata: null }),
  );
  await others();
  t.equal(removed, 0);
  t.same(strays(b), []);
  t.same(handleless(b), []);
});

t.test('a link takes the place of a link file that has just been replaced', async (t) => {
  const b = await brick(t);
  const linkto = withGfid().setBytes('trusted.glusterfs.dht.linkto', Buffer.from('v-client-1\0'));
  await b.mknod(b.root, 'f', 0o101000, linkto);
  const { inode } = await b.mknod(b.root, 'g');
  const xdata = new Dict().setInt('force-replace', 1);
  const others = before(b, 'UNLINK', async () => {
    await b.rename(b.root, 'g', b.root, 'f');
  });
  const other = (await b.mknod(b.root, 'h')).inode;
  await errnoOf(() => b.posix.link(b.call(), { inode: other, newLoc: loc(b.root, 'f'), xdata }));
  await others();
  t.same(strays(b), []);
  t.same(handleless(b), []);
  t.equal(await errnoOf(() => b.nameless(inode.gfid)), 0);
});
