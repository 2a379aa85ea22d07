/** Invariants of the disk below the fops: what is released twice, closed after the end, or caught although it is no failure of a fop. */
import t from 'tap';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { AssertionError } from '../../../native/assert.js';
import type { Batch } from '../../../native/batch.js';
import { EIO, ENOENT } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { type CachedOutcome, type CachedProgram, runCached, runOnPool } from '../../../posix/disk/run-cached.js';
import { anonymous, brick, openFile } from './files.js';
import type { Brick } from './harness.js';

t.test('a directory is released once', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mkdir(b.root, 'd');
  const d = await b.posix.store.dirs.acquire(inode);
  d.release();
  t.throws(() => d.release(), AssertionError);
});

t.test('a shared descriptor is released once', async (t) => {
  const { b, inode } = await openFile(t);
  const file = await b.posix.store.files.of(anonymous(inode));
  file.release();
  t.throws(() => file.release(), AssertionError);
});

t.test('a descriptor is closed, and nothing else', async (t) => {
  const b = await brick(t);
  t.throws(() => b.posix.store.closing.close(-1), AssertionError);
});

t.test('a descriptor that outlasts what was known of its inode is closed', async (t) => {
  const { b, inode, fd } = await openFile(t);
  b.posix.forget(inode);
  b.posix.release(fd);
  t.throws(() => b.posix.store.files.of(fd), 'the fd has no descriptor any more');
});

t.test('the landfill is left alone once its brick goes', async (t) => {
  const b = await brick(t, { 'janitor-sleep-duration': '1' });
  const { landfill } = b.posix.store;
  landfill.stop();
  landfill.filled();
  landfill.stop();
  await b.stop();
  t.same(b.log, []);
});

/** A program that stats the root and gives the outcomes that it is told, one a run. */
class Program implements CachedProgram {
  readonly #b: Brick;
  readonly #outcomes: CachedOutcome[];
  readonly resolves: number[] = [];

  constructor(b: Brick, outcomes: CachedOutcome[]) {
    this.#b = b;
    this.#outcomes = outcomes;
  }
  program(b: Batch, resolve: number): void {
    this.resolves.push(resolve);
    b.statx(this.#b.posix.store.rootFd, null, b.statOut());
  }
  take(): CachedOutcome {
    return this.#outcomes.shift() ?? 'done';
  }
}

t.test('a program runs on this thread as often as it must, and on the pool if it has to wait', async (t) => {
  const b = await brick(t);
  const { store } = b.posix;
  await b.calm();
  const here = new Program(b, ['again', 'done']);
  t.equal(runCached(store, here, Priority.high), null);
  t.equal(here.resolves.length, 2);
  t.notOk(here.resolves.includes(0));
  const both = new Program(b, ['wait', 'again', 'done']);
  await runCached(store, both, Priority.high);
  t.same(
    both.resolves.map((r) => r === 0),
    [false, true, true],
  );
  await t.rejects(runOnPool(store, new Program(b, ['wait']), Priority.high), AssertionError);
});

/** The disk gives no directory but fails in that way. */
function failingDirectories(b: Brick, thrown: unknown): () => void {
  const { dirs } = b.posix.store;
  const acquire = dirs.acquire.bind(dirs);
  dirs.acquire = () => {
    throw thrown;
  };
  return () => {
    dirs.acquire = acquire;
  };
}

t.test('times that are not stored for a failure of their directory are told of, unless it has gone', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mkdir(b.root, 'd');
  const touch = async (d: Inode, thrown: unknown): Promise<string[]> => {
    const before = b.log.length;
    const restore = failingDirectories(b, thrown);
    b.posix.store.timeStores.touchSoon(d, b.call(7));
    await new Promise((resolve) => setTimeout(resolve, 20));
    restore();
    return b.log.slice(before);
  };
  t.same(await touch(inode, failure(ENOENT)), []);
  t.match(await touch(inode, failure(EIO)), [/storing the times of .* failed: EIO/]);
  const [line] = await touch(inode, new TypeError('a mistake'));
  t.match(line, /setting times failed: TypeError: a mistake/);
  t.match(line, /invariants\.test/, 'with its stack');
});

t.test('a look-up that meets a mistake of the program does not make a failure of a fop of it', async (t) => {
  const b = await brick(t);
  const { inode } = await b.mkdir(b.root, 'd');
  const restore = failingDirectories(b, new TypeError('a mistake'));
  await t.rejects(
    b.lookup(inode, 'x').catch((thrown: unknown) => {
      throw thrown;
    }),
    TypeError,
  );
  restore();
});
