/**
 * Finds the directory above an inode: in the inode table, or on disk. Clients that reconnect after a restart of the
 * brick use files by gfid, and the table knows no names of those.
 */
import type { Call } from '../../../../../mux/xlator/call.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import { FopError } from '../../../../../mux/xlator/fop-error.js';
import type { Fops, MaybePromise } from '../../../../../mux/xlator/fops.js';
import { isNullGfid, parseGfid } from '../../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../../mux/xlator/inode.js';
import type { BrickContext } from '../../../../../mux/xlator/translator.js';
import { ENODATA, ENOENT, ENOTDIR, ESTALE } from '../../../../../native/errno.js';
import { S_IFDIR } from '../../../../../native/linux.js';

/** A file's xattrs of that kind tell its names: "gfid of the directory/name". */
const GFID2PATH = 'trusted.gfid2path.';
/** Parents found on disk that are kept: a file that is known by gfid alone is marked again and again. */
const MAX_FOUND = 4096;

/** A file that was removed or has no name. */
export const GONE: ReadonlySet<number> = new Set([ENOENT, ESTALE, ENODATA, ENOTDIR]);

/** What is needed of the translator. */
export interface LayerAbove {
  readonly next: Fops;
  readonly brick: BrickContext;
}

export class Parents {
  readonly #layer: LayerAbove;
  /** By key: gfids of parents that were found on disk. */
  readonly #found = new Map<string, Uint8Array>();

  constructor(layer: LayerAbove) {
    this.#layer = layer;
  }

  /** The directory of an inode that is not the root; null if it has no name any more. The call holds what is found. */
  of(call: Call, inode: Inode): MaybePromise<Inode | null> {
    if (inode.parent !== null) return inode.parent;
    const found = this.#found.get(inode.key);
    if (found !== undefined) return this.#adopt(call, found);
    return this.#onDisk(call, inode);
  }

  /** It has got or lost a name. */
  renamed(inode: Inode): void {
    this.#found.delete(inode.key);
  }

  #adopt(call: Call, gfid: Uint8Array): Inode {
    const parent = this.#layer.brick.adoptInode(gfid, S_IFDIR);
    call.hold(parent);
    return parent;
  }

  async #onDisk(call: Call, inode: Inode): Promise<Inode | null> {
    try {
      const gfid = (await this.#isDirectory(call, inode))
        ? await this.#aboveDirectory(call, inode)
        : await this.#aboveFile(call, inode);
      if (gfid === null) return null;
      if (this.#found.size >= MAX_FOUND) this.#found.clear();
      this.#found.set(inode.key, gfid);
      return this.#adopt(call, gfid);
    } catch (error) {
      if (error instanceof FopError && GONE.has(error.errno)) return null;
      throw error;
    }
  }

  async #isDirectory(call: Call, inode: Inode): Promise<boolean> {
    if (inode.type === 0) {
      const { stat } = await this.#layer.next.stat(call, { inode, xdata: null });
      inode.type = stat.type;
    }
    return inode.type === S_IFDIR;
  }

  async #aboveDirectory(call: Call, inode: Inode): Promise<Uint8Array | null> {
    const loc = { inode: null, parent: inode, name: '..' };
    const { stat } = await this.#layer.next.lookup(call, { loc, gfid: null, xdata: null });
    return isNullGfid(stat.gfid) ? null : Uint8Array.from(stat.gfid);
  }

  async #aboveFile(call: Call, inode: Inode): Promise<Uint8Array | null> {
    const loc = { inode, parent: null, name: '' };
    const xdata = new Dict().setInt(`${GFID2PATH}*`, 1);
    const reply = await this.#layer.next.lookup(call, { loc, gfid: inode.gfid, xdata });
    for (const name of reply.xdata?.map.keys() ?? []) {
      if (!name.startsWith(GFID2PATH)) continue;
      const gfid = parseGfid((reply.xdata?.text(name) ?? '').slice(0, 36));
      if (gfid !== null) return gfid;
    }
    return null;
  }
}
