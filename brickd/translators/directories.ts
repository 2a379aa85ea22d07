/** Creates the directories that translators keep in a brick's `.glusterfs`, when the brick starts. */

import { batch } from '../../native/batch.js';
import { type ByteString, latin1OfBytes } from '../../native/bytes.js';
import { EEXIST, ENOENT, errnoName } from '../../native/errno.js';
import { Priority, STAT } from '../../native/layout.js';
import { AT_FDCWD, O_DIRECTORY, S_IFDIR, S_IFMT } from '../../native/linux.js';
import { Queue } from '../../native/queue.js';

/** Runs work on a queue of its own. */
async function onQueue<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
  const queue = new Queue(1);
  try {
    return await work(queue);
  } finally {
    queue.close();
  }
}

/** Makes a directory with its missing parents, all of that mode. Rejects with an Error that names brick and cause. */
export async function makeDirectory(brick: ByteString, path: ByteString, mode: number): Promise<void> {
  const errno = await onQueue((queue) => make(queue, latin1OfBytes(path), mode));
  if (errno !== 0) throw new Error(`brick ${brick}: creating directory ${path} failed: ${errnoName(errno)}`);
}

async function make(queue: Queue, path: string, mode: number): Promise<number> {
  const errno = await makeOne(queue, path, mode);
  const parent = path.replace(/\/+[^/]*\/*$/, '');
  if (errno !== ENOENT || parent === '' || parent === path) return errno;
  const above = await make(queue, parent, mode);
  return above === 0 ? makeOne(queue, path, mode) : above;
}

async function makeOne(queue: Queue, path: string, mode: number): Promise<number> {
  const b = batch();
  b.mkdir(AT_FDCWD, path, mode);
  await queue.run(b, 0, Priority.high);
  const { errno } = b;
  b.release();
  if (errno !== EEXIST) return errno;
  return (await isDirectory(queue, path)) ? 0 : EEXIST;
}

/** null: there is nothing at the path. A symbolic link is no directory. */
async function isDirectory(queue: Queue, path: string): Promise<boolean | null> {
  const b = batch();
  const at = b.statOut();
  b.statx(AT_FDCWD, path, at);
  await queue.run(b, 0, Priority.high);
  const found = b.result(0) === 0 ? ((b.f64[at + STAT.mode] ?? 0) & S_IFMT) === S_IFDIR : null;
  b.release();
  return found;
}

/** Rejects with an Error that names the brick unless there is a directory at `path`. */
export async function requireDirectory(brick: ByteString, path: ByteString): Promise<void> {
  const found = await onQueue((queue) => isDirectory(queue, latin1OfBytes(path)));
  if (found !== true)
    throw new Error(`brick ${brick}: ${path} ${found === null ? "doesn't exist" : 'is not a directory'}`);
}

/** A descriptor of the directory at `path`. Rejects with an Error that names brick and cause. */
export async function openDirectory(brick: ByteString, path: ByteString): Promise<number> {
  const fd = await onQueue(async (queue) => {
    const b = batch();
    b.open(AT_FDCWD, latin1OfBytes(path), O_DIRECTORY);
    await queue.run(b, 0, Priority.high);
    const result = b.result(0);
    b.release();
    return result;
  });
  if (fd < 0) throw new Error(`brick ${brick}: opening ${path} failed: ${errnoName(-fd)}`);
  return fd;
}
