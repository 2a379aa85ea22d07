/** The inode table: names, hard links, renames, and forgetting within bounds. */
import t from 'tap';
import { InodeTable } from '../../../mux/brick/inode-table.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { knownNames, MAX_LEVELS, pathOf } from '../../../mux/xlator/known-path.js';
import { S_IFDIR, S_IFREG } from '../../../native/linux.js';

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
  held.ref();
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
  held.ref();
  table.link(table.root, 'empty', gfid(), S_IFDIR);
  for (let i = 0; i < 5000; i++) table.link(dir, `f${i}`, gfid(), S_IFREG);
  let rounds = 0;
  while (rounds++ < 20) table.shed();
  t.equal(table.size, 3, 'the root, what is held, and the directory that it is in');
  t.equal(table.child(dir, 'held'), held);
  held.unref();
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
    inode.ref(); // the call that removes it
    table.drop(inode);
    inode.unref();
  }
  open.ref(); // an fd
  table.link(table.root, 'd', back.gfid, S_IFREG);
  t.strictSame(forgotten, [], 'not while the call is under way');
  await turn();
  t.strictSame(forgotten, [removing]);
  t.equal(table.size, 3);
  open.unref();
  table.released(open);
  await turn();
  t.strictSame(forgotten, [removing, open]);
  t.equal(table.child(table.root, 'd'), back, 'a file that has a name again stays');
  table.drop(back);
  t.equal(table.size, 1);
});

/** Every inode reaches the top of what is known, and every directory holds what is linked in it. */
function sound(table: InodeTable): boolean {
  for (const inode of table.values()) {
    let at = inode;
    for (let level = 0; at.parent !== null; level++) {
      if (level > table.size || at.parent.children?.get(at.name) !== at) return false;
      at = at.parent;
    }
  }
  return true;
}

t.test('no directory comes to be below itself', async (t) => {
  const table = new InodeTable(0, () => {});
  const a = table.link(table.root, 'a', gfid(), S_IFDIR);
  const b = table.link(a, 'b', gfid(), S_IFDIR);
  const c = table.link(b, 'c', gfid(), S_IFDIR);
  const places = () => [a, b, c].map((inode) => pathOf(inode));
  const before = ['/a', '/a/b', '/a/b/c'];
  for (const [parent, name, child] of [
    [a, '.', a],
    [a, 'itself', a],
    [c, 'itself', c],
    [b, '..', a],
    [b, 'above', a],
    [c, 'above', a],
    [c, 'x', table.root],
    [a, '..', table.root],
  ] as const) {
    t.equal(table.link(parent, name, child.gfid, S_IFDIR), child, `${name}: the inode is known`);
    t.same(places(), before, `${name}: but has no name that can't be`);
    t.equal(table.child(parent, name), undefined);
  }
  t.equal(table.root.parent, null);

  const far = gfid();
  const unnamed = table.intern(far, S_IFDIR);
  table.link(unnamed, '..', a.gfid, S_IFDIR);
  t.same(places(), before, 'dots are no names, not even where they make no cycle');

  table.link(table.root, 'b', b.gfid, S_IFDIR);
  table.link(c, 'a', a.gfid, S_IFDIR);
  t.same(places(), ['/b/c/a', '/b', '/b/c'], 'a directory may go below one that has left it');
  t.ok(sound(table));
});

t.test('a file that turns out to be a directory has one name, and is not below itself either', async (t) => {
  const table = new InodeTable(0, () => {});
  const dir = table.link(table.root, 'dir', gfid(), S_IFDIR);
  const changed = table.link(table.root, 'one', gfid(), S_IFREG);
  table.link(dir, 'two', changed.gfid, S_IFREG);
  t.not(changed.aliases, null);
  const below = table.link(changed, 'below', gfid(), S_IFDIR);
  t.equal(changed.aliases, null);
  t.equal(pathOf(below), '/one/below');
  table.link(below, 'again', changed.gfid, S_IFREG);
  t.equal(table.child(below, 'again'), undefined);
  table.link(below, 'dir', dir.gfid, S_IFDIR);
  table.link(dir, 'one', changed.gfid, S_IFREG);
  table.unlink(table.root, 'one');
  t.equal(pathOf(dir).startsWith('<gfid:'), true);
  t.ok(sound(table));
});

t.test('whatever is linked, the table stays a tree', async (t) => {
  const table = new InodeTable(0, () => {});
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  const gfids = Array.from({ length: 12 }, () => gfid());
  const all = () => [...table.values()];
  for (let i = 0; i < 20000; i++) {
    const inodes = all();
    const parent = inodes[random(inodes.length)]!;
    const name = ['.', '..', 'a', 'b', 'c'][random(5)]!;
    const type = random(4) === 0 ? S_IFREG : S_IFDIR;
    if (random(10) === 0) table.unlink(parent, name);
    else if (random(40) === 0 && parent !== table.root) table.unlinkAll(parent);
    else table.link(parent, name, gfids[random(gfids.length)]!, type);
    if (i % 20 === 0 && !sound(table)) {
      t.fail(`after ${i} steps`);
      break;
    }
  }
  t.ok(sound(table));
});

t.test('walks upwards are bounded', async (t) => {
  const table = new InodeTable(0, () => {});
  let deepest = table.root;
  const top = table.link(table.root, 'd', gfid(), S_IFDIR);
  deepest = top;
  for (let i = 0; i < 5000; i++) deepest = table.link(deepest, 'd', gfid(), S_IFDIR);
  t.match(
    pathOf(deepest),
    /^<gfid:[0-9a-f-]{36}>(\/d){2049}$/,
    'from where the walk ended on, the gfid stands for the rest',
  );
  table.link(deepest, 'loop', top.gfid, S_IFDIR);
  t.equal(table.child(deepest, 'loop'), undefined, 'what is too deep to tell is not linked');
  // As no table makes them.
  const one = table.intern(gfid(), S_IFDIR);
  const two = table.intern(gfid(), S_IFDIR);
  one.parent = two;
  two.parent = one;
  t.equal(knownNames(one).names.length, MAX_LEVELS);
  t.throws(() => table.unlinkAll(one), /does not hold/);
});
