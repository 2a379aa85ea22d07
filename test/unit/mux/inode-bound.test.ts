/** The bound that the inode tables of a thread have in common. */
import t from 'tap';
import { InodeTable, inodeBudget } from '../../../mux/brick/inode-table.js';
import { S_IFREG } from '../../../native/linux.js';

let last = 1;
function gfid(): Uint8Array {
  const g = new Uint8Array(16);
  new DataView(g.buffer).setUint32(12, ++last);
  return g;
}

t.test('tables share a bound: the one with more than its share gives way', async (t) => {
  inodeBudget.limit = 1000;
  t.teardown(() => {
    inodeBudget.limit = 131072;
  });
  const greedy = new InodeTable(0, () => {});
  const modest = Array.from({ length: 9 }, () => new InodeTable(0, () => {}));
  for (let i = 0; i < 5000; i++) greedy.link(greedy.root, `f${i}`, gfid(), S_IFREG);
  t.ok(greedy.size > 900 && greedy.size <= 1010, `alone it may have all (${greedy.size})`);
  for (let i = 0; i < 90; i++) for (const table of modest) table.link(table.root, `f${i}`, gfid(), S_IFREG);
  for (const table of modest) t.equal(table.size, 91, 'who takes less than a share loses nothing');
  const together = greedy.size + modest.reduce((sum, table) => sum + table.size, 0);
  t.ok(together <= 1100, `in all no more than the bound (${together})`);
  for (const table of [greedy, ...modest]) table.clear();
  const next = new InodeTable(0, () => {});
  for (let i = 0; i < 900; i++) next.link(next.root, `f${i}`, gfid(), S_IFREG);
  t.equal(next.size, 901, 'tables that are gone do not count');
  next.clear();
});
