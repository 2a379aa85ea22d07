/** The bound of open directories that bricks of a thread share: who holds little keeps it, whoever else wants more. */
import t from 'tap';
import { directoryBudget } from '../../../posix/disk/descriptors/directory-cache.js';
import { brick } from './files.js';

t.test('a brick with few open directories keeps them beside a greedy one', async (t) => {
  const modest = await brick(t);
  const greedy = await brick(t);
  directoryBudget.limit = 12;
  t.teardown(() => {
    directoryBudget.limit = 1024;
  });
  const open = async (b: typeof modest, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const d = await b.mkdir(b.root, `d${i}`);
      (await b.posix.store.dirs.acquire(d.inode)).release();
    }
  };
  await open(modest, 4);
  t.equal(modest.posix.store.dirs.held, 4);
  await open(greedy, 60);
  t.equal(modest.posix.store.dirs.held, 4, 'its share is half of the room');
  t.ok(greedy.posix.store.dirs.held <= 12, `the other one gives way to itself (${greedy.posix.store.dirs.held})`);
  const third = await brick(t);
  await open(third, 40);
  t.equal(modest.posix.store.dirs.held, 4, 'and a third one, of its own');
});
