/**
 * The landfill, `.glusterfs/landfill`: whole directory trees that were removed are moved there under their gfid, and
 * deleted in the background.
 */

import { background } from '../../mux/base/fault.js';
import type { Gfid } from '../../mux/xlator/gfid.js';
import { assert } from '../../native/assert.js';
import { batch } from '../../native/batch.js';
import { EINVAL } from '../../native/errno.js';
import { doubleAt, Priority, STAT } from '../../native/layout.js';
import { AT_REMOVEDIR, DT_DIR, O_DIRECTORY, O_NOFOLLOW } from '../../native/linux.js';
import { type Region, region } from '../../native/memory.js';
import type { DiskContext } from '../disk/context.js';
import { handlePointsTo } from '../disk/descriptors/handle-link.js';
import type { Handles } from '../disk/descriptors/handles.js';
import { EntryCursor } from '../disk/format/dir-entries.js';
import { LANDFILL_DIR, UNLINK_DIR } from '../disk/format/handle-name.js';
import { GFID_KEY } from '../disk/format/xattr-keys.js';
import { eachXattr } from '../disk/query/xattr-reply.js';

const BUFFER = 128 * 1024;
const ENTRIES = 200;
/** Deeper trees would cost a descriptor a level: what is below is left for the next round, when it is at the top. */
const MAX_DEPTH = 200;

interface Found {
  name: string;
  directory: boolean;
  links: number;
  gfid: Gfid | null;
}

/** due: to be emptied when the timer fires. stopped: the brick is closing, nothing is started any more. */
type State = 'idle' | 'due' | 'emptying' | 'stopped';
const NEXT: Record<State, readonly State[]> = {
  idle: ['due', 'stopped'],
  due: ['emptying', 'stopped'],
  emptying: ['idle', 'stopped'],
  stopped: ['stopped'],
};

export class Landfill {
  readonly #disk: DiskContext;
  readonly #handles: Handles;
  #cancel: (() => void) | null = null;
  #state: State = 'idle';
  /** A directory was added while it was being emptied. */
  #again = false;

  constructor(disk: DiskContext, handles: Handles) {
    this.#disk = disk;
    this.#handles = handles;
  }

  #become(state: State): void {
    assert(NEXT[this.#state].includes(state), 'the landfill is emptied when that is due, and never after its end');
    this.#state = state;
  }

  /** A directory was added: it is deleted after the janitor's interval. */
  filled(): void {
    const { options, brick, log } = this.#disk;
    if (options['disable-landfill-purge']) return;
    if (this.#state === 'emptying') this.#again = true;
    if (this.#state !== 'idle') return;
    this.#become('due');
    this.#cancel = brick.timer(options['janitor-sleep-duration'] * 1000, false, () =>
      background(this.#empty(), log, 'emptying the landfill failed'),
    );
  }

  /** Deletes files that were open but unlinked when the brick last stopped. */
  async dropUnlinked(): Promise<void> {
    await this.#emptyBelow(this.#disk.glusterfsFd, UNLINK_DIR, null, 0);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#become('stopped');
  }

  get #stopped(): boolean {
    return this.#state === 'stopped';
  }

  async #empty(): Promise<void> {
    this.#cancel = null;
    this.#become('emptying');
    this.#again = false;
    try {
      await this.#emptyBelow(this.#disk.glusterfsFd, LANDFILL_DIR, null, 0);
    } finally {
      if (!this.#stopped) {
        this.#become('idle');
        if (this.#again) this.filled();
      }
    }
  }

  /** Deletes what is in a directory. True when it is empty now. */
  async #emptyBelow(dir: number, name: string, gfid: Gfid | null, depth: number): Promise<boolean> {
    const o = batch();
    o.open(dir, name, O_DIRECTORY | O_NOFOLLOW);
    await this.#disk.run(o, 0, Priority.least);
    const fd = o.result(0);
    o.release();
    if (fd < 0) return false;
    const memory = region(BUFFER);
    try {
      for (let before = -1; !this.#stopped; ) {
        const found = await this.#list(fd, memory);
        if (found === null || found.length === 0) return found !== null;
        let left = 0;
        for (const f of found) if (!(await this.#remove(fd, f, gfid, depth))) left++;
        if (left > 0 && left === before) return false;
        before = left;
      }
      return false;
    } finally {
      memory.release();
      this.#disk.closing.close(fd);
    }
  }

  async #list(fd: number, memory: Region): Promise<Found[] | null> {
    const b = batch();
    b.readdir(fd, 0, 0, memory.address, BUFFER, b.readdirWants(true, ENTRIES, GFID_KEY));
    await this.#disk.run(b, 0, Priority.least);
    const length = b.result(0);
    b.release();
    if (length < 0) return length === -EINVAL ? [] : null;
    const c = new EntryCursor(memory, length);
    const found: Found[] = [];
    while (c.next()) {
      if (c.name === '.' || c.name === '..') continue;
      let gfid: Gfid | null = null;
      eachXattr(c.bytes, c.xattrsAt, c.xattrsLength, (_key, at, n) => {
        if (n === 16) gfid = Uint8Array.prototype.slice.call(c.bytes, at, at + 16);
      });
      found.push({
        name: c.name,
        directory: c.type === DT_DIR,
        links: c.hasStat ? doubleAt(c.f64, c.stat + STAT.nlink) : 0,
        gfid,
      });
    }
    return found;
  }

  async #remove(fd: number, f: Found, parent: Gfid | null, depth: number): Promise<boolean> {
    if (f.directory) {
      if (depth < MAX_DEPTH && !(await this.#emptyBelow(fd, f.name, f.gfid, depth + 1))) return false;
      // Handles of directories here; the topmost lost its own when it was moved in.
      const { gfid } = f;
      const ours = gfid !== null && parent !== null && (await handlePointsTo(this.#disk, gfid, parent, f.name));
      const b = batch();
      b.unlink(fd, f.name, AT_REMOVEDIR);
      if (ours) this.#handles.removeOp(b, gfid);
      await this.#disk.run(b, 0, Priority.least);
      const errno = b.errno;
      b.release();
      return errno === 0;
    }
    const b = batch();
    if (f.gfid !== null && f.links === 2) this.#handles.removeOp(b, f.gfid);
    b.unlink(fd, f.name);
    await this.#disk.run(b, 0, Priority.least);
    const errno = b.errno;
    b.release();
    return errno === 0;
  }
}
