/** The inode table: names, hard links, renames, and forgetting within bounds. */
import t from 'tap';
import { InodeTable } from '../../../mux/inode-table.js';
import { S_IFDIR, S_IFREG } from '../../../posix/contract/iatt.js';
import type { Inode } from '../../../posix/contract/inode.js';

let last = 1;
function gfid(): Uint8Array {
  const g = new Uint8Array(16);
  new DataView(g.buffer).setUint32(12, ++last);
  return g;
}

t.test('names lead to inodes, and away from them', async (t) => {
  const table = new InodeTable(0, () => {});
  const file = gfid();
  const inode = table.link(table.root, 'a', file, S_IFREG | 0o644);
  t.equal(table.child(table.root, 'a'), inode);
  t.equal(table.link(table.root, 'a', file, S_IFREG), inode, 'the same file again');
  const other = table.link(table.root, 'a', gfid(), S_IFREG);
  t.not(other, inode, 'another file under the name replaces it');
  t.equal(inode.parent, null);
  t.equal(table.unlink(table.root, 'a'), other);
  t.equal(table.child(table.root, 'a'), undefined);
  t.equal(table.root.children, null, 'nothing is kept for no name');
});

t.test('a file has several names, a directory one', async (t) => {
  const table = new InodeTable(0, () => {});
  const file = gfid();
  const inode = table.link(table.root, 'a', file, S_IFREG);
  t.equal(table.link(table.root, 'b', file, S_IFREG), inode);
  t.equal(inode.name, 'a');
  table.unlink(table.root, 'a');
  t.equal(inode.name, 'b', 'the other name takes over');
  t.equal(inode.aliases, null);

  const dir = gfid();
  const d = table.link(table.root, 'd', dir, S_IFDIR);
  table.link(table.root, 'e', dir, S_IFDIR);
  t.equal(table.child(table.root, 'd'), undefined, 'a directory seen under a second name has moved');
  t.equal(table.child(table.root, 'e'), d);
});

t.test('what is in use stays, the rest is forgotten down to the limit', async (t) => {
  const forgotten: Inode[] = [];
  const table = new InodeTable(100, (inode) => forgotten.push(inode));
  const dir = table.link(table.root, 'd', gfid(), S_IFDIR);
  const held = table.link(dir, 'held', gfid(), S_IFREG);
  held.refs++;
  for (let i = 0; i < 5000; i++) table.link(dir, `f${i}`, gfid(), S_IFREG);
  t.ok(table.size <= 110, `size ${table.size}`);
  t.ok(forgotten.length >= 4890, `forgotten ${forgotten.length}`);
  t.equal(table.child(dir, 'held'), held);
  t.notOk(forgotten.includes(held));
  t.notOk(forgotten.includes(dir), 'a directory with known children stays');
  t.ok((dir.children?.size ?? 0) <= 110, 'names go with their inodes');
});

t.test('an idle table gives back all that nothing holds', async (t) => {
  const forgotten: Inode[] = [];
  const table = new InodeTable(0, (inode) => forgotten.push(inode));
  const dir = table.link(table.root, 'd', gfid(), S_IFDIR);
  const held = table.link(dir, 'held', gfid(), S_IFREG);
  held.refs++;
  table.link(table.root, 'empty', gfid(), S_IFDIR);
  for (let i = 0; i < 5000; i++) table.link(dir, `f${i}`, gfid(), S_IFREG);
  let rounds = 0;
  while (rounds++ < 20) table.shed();
  t.equal(table.size, 3, 'the root, what is held, and the directory that it is in');
  t.equal(table.child(dir, 'held'), held);
  held.refs--;
  while (rounds++ < 40) table.shed();
  t.equal(table.size, 1);
  t.equal(table.shed(), 0);
});

t.test('a removed file goes when its last use has ended', async (t) => {
  const forgotten: Inode[] = [];
  const table = new InodeTable(0, (inode) => forgotten.push(inode));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const removing = table.link(table.root, 'a', gfid(), S_IFREG);
  const open = table.link(table.root, 'b', gfid(), S_IFREG);
  const back = table.link(table.root, 'c', gfid(), S_IFREG);
  const all = [removing, open, back];
  for (const inode of all) {
    inode.refs++; // the call that removes it
    table.drop(inode);
    inode.refs--;
  }
  open.refs++; // an fd
  table.link(table.root, 'd', back.gfid, S_IFREG);
  t.strictSame(forgotten, [], 'not while the call is under way');
  await turn();
  t.strictSame(forgotten, [removing]);
  t.equal(table.size, 3);
  open.refs--;
  table.released(open);
  await turn();
  t.strictSame(forgotten, [removing, open]);
  t.equal(table.child(table.root, 'd'), back, 'a file that has a name again stays');
  table.drop(back);
  t.equal(table.size, 1);
});
