/**
 * The virtual directories of the indices, with gfids that are valid for the life of the process. The gfids have a
 * common prefix, so that others are told apart quickly.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type Gfid, gfidKey, parseGfid } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { defined } from '../../../../native/assert.js';
import type { IndexPlace } from './index-store.js';
import { INDICES, type IndexName } from './watchlist.js';

const PREFIX_BYTES = 4;

export class VirtualFolders {
  readonly #prefix = randomBytes(PREFIX_BYTES);
  readonly #gfids: Readonly<Record<IndexName, Gfid>>;
  /** Folders of the indices and files in them that clients know, by gfid key. */
  readonly #places = new Map<string, IndexPlace>();

  constructor() {
    this.#gfids = { xattrop: this.newGfid(), dirty: this.newGfid(), 'entry-changes': this.newGfid() };
    for (const index of INDICES) this.#places.set(gfidKey(this.#gfids[index]), { folder: '', name: index });
  }

  /** A random gfid as folders and their files have. */
  newGfid(): Gfid {
    const gfid = defined(parseGfid(randomUUID()), 'a UUID is a gfid');
    gfid.set(this.#prefix);
    return gfid;
  }

  gfidOf(index: IndexName): Gfid {
    return this.#gfids[index];
  }

  isOurs(gfid: Gfid): boolean {
    const p = this.#prefix;
    return gfid[0] === p[0] && gfid[1] === p[1] && gfid[2] === p[2] && gfid[3] === p[3];
  }

  /** It is the folder of an index itself. */
  isTop(gfid: Gfid): boolean {
    const key = gfidKey(gfid);
    return INDICES.some((index) => gfidKey(this.#gfids[index]) === key);
  }

  placeOf(gfid: Gfid): IndexPlace | undefined {
    return this.isOurs(gfid) ? this.#places.get(gfidKey(gfid)) : undefined;
  }

  add(gfid: Gfid, place: IndexPlace): void {
    this.#places.set(gfidKey(gfid), place);
  }

  forget(inode: Inode): void {
    if (this.isOurs(inode.gfid) && !this.isTop(inode.gfid)) this.#places.delete(inode.key);
  }
}
