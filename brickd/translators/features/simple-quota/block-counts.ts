/** Counts the blocks that fops add to files and take from them. What was counted last of a file is kept with its inode. */
import type { Xdata } from '../../../../mux/xlator/fops.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { FILE_BLOCK_COUNT, RESPONSE_LINK_COUNT } from '../../../../mux/xlator/xdata-keys.js';
import type { NamespaceUsages } from './namespace-usages.js';
import type { Usage } from './usage.js';

const BLOCK = 512;
/** A new file counts as a block, whatever it holds. */
const ENTRY = BLOCK;
/** In place of a file's blocks: it has lost its last name, and nothing that happens to it counts any more. */
const UNLINKED = -1;

export class BlockCounts {
  readonly #usages: NamespaceUsages;
  readonly #slot: number;

  /** slot: of the translator's state of inodes. */
  constructor(usages: NamespaceUsages, slot: number) {
    this.#usages = usages;
    this.#slot = slot;
  }

  /** Counts a new file. */
  made(usage: Usage, stat: Iatt): void {
    this.#usages.charge(usage, stat.blocks * BLOCK + ENTRY);
  }
  /** Counts a new file without its contents, which its writes count. */
  madeEmpty(usage: Usage): void {
    this.#usages.charge(usage, ENTRY);
  }

  /** Counts what a fop has changed in a file's blocks, from those that were last counted or else those before it. */
  changed(usage: Usage, inode: Inode, pre: Iatt, post: Iatt): void {
    if (post.mode === 0) return;
    const counted = inode.ctx[this.#slot] as number | undefined;
    if (counted === UNLINKED) return;
    inode.ctx[this.#slot] = post.blocks;
    const before = counted ?? (pre.mode === 0 ? post.blocks : pre.blocks);
    this.#usages.charge(usage, (post.blocks - before) * BLOCK);
  }

  /** Counts a file that may have lost its last name, which the reply shows. */
  removed(usage: Usage, inode: Inode | null, reply: Xdata): void {
    if (reply.xdata?.number(RESPONSE_LINK_COUNT) !== 1) return;
    const counted = inode?.ctx[this.#slot] as number | undefined;
    if (counted === UNLINKED) return;
    const blocks = counted ?? reply.xdata.number(FILE_BLOCK_COUNT) ?? 0;
    if (inode !== null) inode.ctx[this.#slot] = UNLINKED;
    this.#usages.charge(usage, -(blocks * BLOCK + ENTRY));
  }
}
