/** The list of bad files as a directory with a gfid of its own, which the scrubber reads for its status. */
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError, failure } from '../../../../mux/xlator/fop-error.js';
import type { DirEntry, LookupReply, ReaddirArgs, ReaddirReply } from '../../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, parseGfid, sameGfid } from '../../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../../mux/xlator/iatt.js';
import { type Fd, Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { BAD_FILES_GFID } from '../../../../mux/xlator/reserved-gfids.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { LINK_PATHS } from '../../../../mux/xlator/xdata-keys.js';
import { EBADF, ENOENT } from '../../../../native/errno.js';
import type { Quarantine } from './quarantine.js';

export class BadFilesDirectory {
  readonly #layer: Translator;
  readonly #quarantine: Quarantine;

  constructor(layer: Translator, quarantine: Quarantine) {
    this.#layer = layer;
    this.#quarantine = quarantine;
  }

  is(gfid: Gfid): boolean {
    return gfid[0] === 0 && sameGfid(gfid, BAD_FILES_GFID);
  }

  async lookup(): Promise<LookupReply> {
    return { stat: await this.#quarantine.stat(), postparent: NO_IATT, xdata: new Dict() };
  }

  async opendir(fd: Fd): Promise<void> {
    fd.ctx[this.#layer.slot] = await this.#quarantine.openList();
  }
  releasedir(fd: Fd): void {
    const list = fd.ctx[this.#layer.slot] as number | undefined;
    fd.ctx[this.#layer.slot] = undefined;
    if (list !== undefined) this.#quarantine.closeList(list);
  }

  /** Entries are gfids; the paths of those files, as far as they are known, are in xdata. */
  async readdir(call: Call, args: ReaddirArgs): Promise<ReaddirReply> {
    const list = args.fd.ctx[this.#layer.slot] as number | undefined;
    if (list === undefined) throw failure(EBADF);
    const found = await this.#quarantine.list(list, args.offset, args.size);
    const entries: DirEntry[] = [];
    const paths = new Dict();
    for (const { name, offset, type } of found) {
      entries.push({ name, ino: 0n, offset, type, stat: NO_IATT, dict: null });
      const path = await this.#pathOf(call, name);
      if (path !== null) paths.setText(name, path);
    }
    return { entries, errno: entries.length === 0 ? ENOENT : 0, xdata: paths };
  }

  /** By the file's record of its names, or by the inode table; null when neither knows. */
  async #pathOf(call: Call, name: string): Promise<string | null> {
    const gfid = parseGfid(name);
    if (gfid === null) return null;
    const key = gfidKey(gfid);
    const known = this.#layer.brick.findInode(key);
    const inode = known ?? new Inode(gfid, key);
    try {
      const { dict } = await this.#layer.next.getxattr(call, { inode, name: LINK_PATHS, xdata: null });
      const path = dict?.text(LINK_PATHS);
      if (path !== undefined) return path;
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
    }
    const path = known === undefined ? '' : pathOf(known);
    return path.startsWith('/') ? path : null;
  }
}
