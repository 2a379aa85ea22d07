/** Starts a brick's directory: opens it, checks it and creates what is missing. */

import { background } from '../../mux/base/fault.js';
import { loggerFor } from '../../mux/base/log.js';
import { batch } from '../../native/batch.js';
import { type ByteString, latin1OfBytes } from '../../native/bytes.js';
import { ENOENT, errnoName } from '../../native/errno.js';
import { IGNORE, Priority } from '../../native/layout.js';
import { AT_FDCWD, O_DIRECTORY } from '../../native/linux.js';
import { Queue } from '../../native/queue.js';
import type { DiskInit } from '../disk/context.js';
import { BrickDir } from './brick-dir.js';
import { refuse } from './brick-root.js';
import { HandleTree } from './handle-tree.js';
import { checkIdentity } from './identity.js';

/** Blocking calls of one brick that run at the same time, as io-threads' thread-count by default. */
const DEFAULT_CONCURRENCY = 16;

/** Time limit of the whole start. */
const WAIT_MS = 30_000;
/** Brick directories whose opening has timed out and is still running. */
const hanging = new Set<ByteString>();

type Init = Omit<DiskInit, 'queue' | 'fsType' | 'rootFd' | 'glusterfsFd' | 'hidden'>;

/**
 * Opens a brick's directory for service, without a system call on this thread. Throws an Error that names the brick and the
 * cause when the directory is missing, is none, has no xattrs, belongs to another volume, or does not answer in time.
 */
export async function openBrickDir(init: Init, waitMs = WAIT_MS): Promise<BrickDir> {
  const path = init.options.directory;
  if (hanging.has(path)) throw refuse(path, 'its disk has not answered yet since the last start');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), waitMs);
  });
  const opening = new Opening(init).run();
  const dir = await Promise.race([opening, late]).finally(() => clearTimeout(timer));
  if (dir !== null) return dir;
  hanging.add(path);
  const closed = opening.then((opened) => opened.close()).finally(() => hanging.delete(path));
  background(closed, loggerFor(init.name), `opening ${path}, which took too long, failed`);
  throw refuse(path, `its disk has not answered within ${waitMs / 1000} seconds`);
}

class Opening {
  readonly #init: Init;
  readonly #path: ByteString;
  readonly #queue = new Queue(DEFAULT_CONCURRENCY);
  #rootFd = -1;
  #tree: HandleTree | null = null;

  constructor(init: Init) {
    this.#init = init;
    this.#path = init.options.directory;
  }

  async run(): Promise<BrickDir> {
    const { options, brick } = this.#init;
    try {
      this.#rootFd = await this.#openRoot();
      const root = { path: this.#path, fd: this.#rootFd, queue: this.#queue };
      const fsType = await checkIdentity(root, options, brick);
      const tree = new HandleTree(root);
      this.#tree = tree;
      const glusterfsFd = await tree.open();
      const hidden = await tree.checkRootHandle();
      await setOwner(this.#queue, root.fd, options);
      const dir = new BrickDir({
        ...this.#init,
        queue: this.#queue,
        fsType,
        rootFd: root.fd,
        glusterfsFd,
        hidden,
      });
      tree.makeLevels(dir.log);
      return dir;
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  /** Closes what is open. Nothing is in progress. */
  async #giveUp(): Promise<void> {
    const b = batch();
    for (const fd of [this.#tree?.fd ?? -1, this.#rootFd]) if (fd >= 0) b.close(fd, IGNORE);
    await this.#queue.run(b, 0, Priority.high);
    b.release();
    this.#queue.close();
  }

  async #openRoot(): Promise<number> {
    const b = batch();
    b.open(AT_FDCWD, latin1OfBytes(this.#path), O_DIRECTORY);
    await this.#queue.run(b, 0, Priority.high);
    const fd = b.result(0);
    b.release();
    if (fd >= 0) return fd;
    const cause = fd === -ENOENT ? "doesn't exist" : `can't be opened as a directory: ${errnoName(-fd)}`;
    throw refuse(this.#path, `directory ${cause}`);
  }
}

/** Gives the root the owner that options name, if they do. Throws an Error when that fails. */
export async function setOwner(queue: Queue, rootFd: number, options: DiskInit['options']): Promise<void> {
  const uid = options['brick-uid'];
  const gid = options['brick-gid'];
  if (uid === -1 && gid === -1) return;
  const b = batch();
  b.chown(rootFd, null, uid, gid);
  await queue.run(b, 0, Priority.high);
  const r = b.result(0);
  b.release();
  if (r < 0) throw refuse(options.directory, `setting the owner of the root failed: ${errnoName(-r)}`);
}
