/**
 * The marks of changes: an xattr of each inode that tells when it, or anything below it, has changed last. Geo-replication compares
 * a directory's mark with how far it has come, and descends only where the mark is newer.
 *
 * Changes of a short time are marked together, in a round, so that a directory is marked once for all that has changed below it.
 * Rounds follow one another, and each goes from the files up, the root last, with one time for all: when the root's mark says T, every
 * change up to T has its marks. A brick that is killed loses the marks of the last {@link DELAY_MS}.
 */
import { background } from '../../../../../mux/base/fault.js';
import type { Logger } from '../../../../../mux/base/log.js';
import type { Call } from '../../../../../mux/xlator/call.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import { FailureLog } from '../../../../../mux/xlator/failure-log.js';
import { FopError } from '../../../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../../../mux/xlator/fops.js';
import type { Inode } from '../../../../../mux/xlator/inode.js';
import { MAX_LEVELS, pathOf } from '../../../../../mux/xlator/known-path.js';
import { INTERNAL_FOP } from '../../../../../mux/xlator/xdata-keys.js';
import { EDQUOT, ENOSPC } from '../../../../../native/errno.js';
import { S_IFDIR } from '../../../../../native/linux.js';
import { eachOf } from '../../../each-of.js';
import { GONE, type LayerAbove, Parents } from './parents.js';

/** How long the first change of a round waits for others. */
export const DELAY_MS = 10;
/** Marks written at a time. */
const PARALLEL = 64;
/** Inodes that wait for their marks; further changes wait for the end of the round. */
const MAX_WAITING = 65536;
const MARK_BYTES = 8;

/** Marks may use the reserve: the changes themselves were admitted. */
const INTERNAL = new Dict().setText(INTERNAL_FOP, 'yes');

/** What the next round marks. Each inode is held until it is marked. */
class Changed {
  readonly files = new Set<Inode>();
  readonly directories = new Set<Inode>();
  /** Files whose directory is not known. */
  readonly nameless = new Set<Inode>();

  get size(): number {
    return this.files.size + this.directories.size;
  }

  add(inode: Inode): void {
    const into = inode.type === S_IFDIR ? this.directories : this.files;
    if (into.has(inode)) return;
    into.add(inode);
    inode.ref();
  }

  release(): void {
    for (const inode of this.files) inode.unref();
    for (const inode of this.directories) inode.unref();
  }
}

/** Told of marks that could not be written because the disk is full: the index of changes has a hole. */
export type OnHole = (errno: number) => Promise<void>;

export class Marks {
  readonly #layer: LayerAbove;
  readonly #log: Logger;
  readonly #key: string;
  readonly #onHole: OnHole;
  readonly #parents: Parents;
  readonly #failures = new FailureLog();
  #changed = new Changed();
  #cancelTimer: (() => void) | null = null;
  #round: Promise<void> | null = null;
  /** Time of the last round, in microseconds. */
  #last = 0;
  #written = 0;
  #failed = 0;
  /** errno of a mark of this round that found the disk full. */
  #hole = 0;

  /** key: the xattr. */
  constructor(layer: LayerAbove, log: Logger, key: string, onHole: OnHole) {
    this.#layer = layer;
    this.#log = log;
    this.#key = key;
    this.#onHole = onHole;
    this.#parents = new Parents(layer);
  }

  get waiting(): number {
    return this.#changed.size;
  }
  get written(): number {
    return this.#written;
  }
  get failed(): number {
    return this.#failed;
  }

  /** Has an inode marked, and everything above it. parent: the directory where the change was made; null: all that it is known in. */
  add(inode: Inode, parent: Inode | null): void {
    const changed = this.#changed;
    changed.add(inode);
    if (parent !== null) this.#parents.renamed(inode);
    const above = parent ?? inode.parent;
    if (above !== null) changed.add(above);
    else if (inode.type !== S_IFDIR) changed.nameless.add(inode);
    if (parent === null && inode.aliases !== null) for (const alias of inode.aliases) changed.add(alias.parent);
    if (this.#cancelTimer === null && this.#round === null) this.#startTimer();
  }

  /** The end of a round, to be waited for before more is changed; null while there is room. */
  get full(): Promise<void> | null {
    if (this.#changed.size < MAX_WAITING) return null;
    return (this.#round ?? this.#startRound()).catch(() => {});
  }

  #startTimer(): void {
    this.#cancelTimer = this.#layer.brick.timer(DELAY_MS, false, () => {
      this.#cancelTimer = null;
      this.#startRound();
    });
  }

  #startRound(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#round = this.#markAll().finally(() => {
      this.#round = null;
      if (this.#changed.size > 0) this.#startTimer();
    });
    background(this.#round, this.#log, 'writing the marks of changes');
    return this.#round;
  }

  /** Has all changes up to now marked. What could not be is in the log. */
  async flush(): Promise<void> {
    while (this.#round !== null || this.#changed.size > 0) await (this.#round ?? this.#startRound()).catch(() => {});
  }

  async #markAll(): Promise<void> {
    const changed = this.#changed;
    this.#changed = new Changed();
    const mark = new Dict().setBytes(this.#key, this.#now());
    this.#hole = 0;
    try {
      await this.#layer.brick.byItself((call) => this.#markChanged(call, changed, mark));
    } finally {
      changed.release();
    }
    if (this.#hole !== 0) await this.#onHole(this.#hole);
  }

  async #markChanged(call: Call, changed: Changed, mark: Dict): Promise<void> {
    await eachOf(changed.nameless, PARALLEL, async (inode) => {
      const parent = await this.#parents.of(call, inode);
      if (parent !== null) changed.add(parent);
    });
    const levels = await this.#levels(call, changed.directories);
    await this.#write(call, changed.files, mark);
    for (const level of levels) await this.#write(call, level, mark);
  }

  /** Directories and all that are above them, by their depth: the deepest first, the root last. */
  async #levels(call: Call, directories: ReadonlySet<Inode>): Promise<Inode[][]> {
    const depths = new Map<Inode, number>();
    for (const directory of directories) {
      const path: Inode[] = [];
      let at: Inode | null = directory;
      while (at !== null && !depths.has(at) && path.length <= MAX_LEVELS) {
        call.hold(at);
        path.push(at);
        const above: MaybePromise<Inode | null> = at.isRoot ? null : this.#parents.of(call, at);
        at = above instanceof Promise ? await above : above;
      }
      let depth = at === null ? 0 : (depths.get(at) ?? 0) + 1;
      for (const inode of path.reverse()) depths.set(inode, depth++);
    }
    const levels: Inode[][] = [];
    for (const [inode, depth] of depths) (levels[depth] ??= []).push(inode);
    return levels.reverse();
  }

  #write(call: Call, inodes: Iterable<Inode>, mark: Dict): Promise<void> {
    return eachOf(inodes, PARALLEL, async (inode) => {
      try {
        await this.#layer.next.setxattr(call, { inode, dict: mark, flags: 0, xdata: INTERNAL });
        this.#written++;
      } catch (error) {
        if (!(error instanceof FopError)) throw error;
        this.#notWritten(inode, error.errno);
      }
    });
  }

  #notWritten(inode: Inode, errno: number): void {
    if (GONE.has(errno)) return;
    this.#failed++;
    if (errno === ENOSPC || errno === EDQUOT) this.#hole = errno;
    if (this.#failures.deservesLine(errno)) {
      this.#log.error(0, `${pathOf(inode)}: the mark of its change could not be written`, errno);
    }
  }

  /** Time of a round in the form of a mark: later than any before, whatever the clock does. */
  #now(): Uint8Array {
    this.#last = Math.max(Date.now() * 1000, this.#last + 1);
    const mark = Buffer.alloc(MARK_BYTES);
    mark.writeUInt32BE(Math.floor(this.#last / 1e6) >>> 0, 0);
    mark.writeUInt32BE(this.#last % 1e6, 4);
    return mark;
  }
}
