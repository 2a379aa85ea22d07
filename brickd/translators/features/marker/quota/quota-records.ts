/**
 * Reads and writes quota's xattrs of files directly on storage/posix: no other translator may see, count or refuse
 * these changes.
 */
import { type Call, ClientPid } from '../../../../../mux/xlator/call.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import { FopError } from '../../../../../mux/xlator/fop-error.js';
import { type Gfid, gfidKey, gfidOfKey, isNullGfid, parseGfid } from '../../../../../mux/xlator/gfid.js';
import { Iatt } from '../../../../../mux/xlator/iatt.js';
import { Inode } from '../../../../../mux/xlator/inode.js';
import type { BrickContext } from '../../../../../mux/xlator/translator.js';
import { POST_STAT } from '../../../../../mux/xlator/xdata-keys.js';
import { ENODATA, ENOENT, ESTALE } from '../../../../../native/errno.js';
import { S_IFDIR, S_IFMT } from '../../../../../native/linux.js';
import { decodeFigures, type Figures } from './figures.js';
import { DIRTY, GFID2PATH_PREFIX, PGFID_PREFIX, type QuotaNames } from './quota-xattrs.js';

const GONE: ReadonlySet<number> = new Set([ENOENT, ESTALE]);

/** Whether a fop has failed because its file does not exist any more. */
export const isGone = (thrown: unknown): boolean => thrown instanceof FopError && GONE.has(thrown.errno);

export interface QuotaRecord {
  readonly stat: Iatt;
  /** What it gives to directories, by their keys. */
  readonly contributions: ReadonlyMap<string, Figures>;
  /** Of a directory: what it holds; null if that is not on record, or not completely. */
  readonly size: Figures | null;
  readonly dirty: boolean;
  /** Links by directory, as posix has counted them. */
  readonly links: ReadonlyMap<string, number>;
}

export class QuotaRecords {
  readonly brick: BrickContext;
  readonly names: QuotaNames;
  readonly #wanted: Dict;
  readonly #paths = new Dict().setInt(`${GFID2PATH_PREFIX}*`, 0);

  constructor(brick: BrickContext, names: QuotaNames) {
    this.brick = brick;
    this.names = names;
    this.#wanted = new Dict()
      .setInt(names.contributions, 0)
      .setInt(names.size, 0)
      .setInt(DIRTY, 0)
      .setInt(`${PGFID_PREFIX}*`, 0);
  }

  /** Runs work on records as a call of the brick's own that may use the reserve of a full disk. */
  asBrick<T>(work: (call: Call) => Promise<T>): Promise<T> {
    return this.brick.byItself((call) => {
      call.pid = ClientPid.noRootSquash;
      return work(call);
    });
  }

  /** The table's inode, or one for the moment: what only accounting touches is not kept. */
  inode(key: string, mode: number): Inode {
    const known = this.brick.findInode(key);
    if (known !== undefined) return known;
    const inode = new Inode(gfidOfKey(key), key);
    inode.type = mode & S_IFMT;
    return inode;
  }

  /** Null: it does not exist any more. */
  async read(call: Call, inode: Inode): Promise<QuotaRecord | null> {
    const loc = { inode, parent: null, name: '' };
    call.hold(inode);
    try {
      const { stat, xdata } = await this.brick.storage.lookup(call, { loc, gfid: inode.gfid, xdata: this.#wanted });
      return this.record(stat, xdata);
    } catch (thrown) {
      if (isGone(thrown)) return null;
      throw thrown;
    }
  }

  /** From an answer that has quota's xattrs. */
  record(stat: Iatt, answer: Dict | null): QuotaRecord {
    const contributions = new Map<string, Figures>();
    const links = new Map<string, number>();
    for (const key of answer?.map.keys() ?? []) {
      const directory = this.names.directoryOf(key);
      const figures = directory === null ? null : decodeFigures(answer?.bytes(key));
      if (directory !== null && figures !== null) contributions.set(directory, figures);
      else if (key.startsWith(PGFID_PREFIX)) addLinks(links, key, answer?.bytes(key));
    }
    const size = decodeFigures(answer?.bytes(this.names.size));
    return {
      stat,
      contributions,
      // A directory counts itself: without that, the count of directories was never on record.
      size: size === null || size.dirs === 0 ? null : size,
      dirty: (answer?.number(DIRTY) ?? 0) !== 0,
      links,
    };
  }

  /** Stores xattrs; returns the file's attributes then, or null if it does not exist any more. */
  async write(call: Call, inode: Inode, dict: Dict): Promise<Iatt | null> {
    try {
      const { xdata } = await this.brick.storage.setxattr(call, { inode, dict, flags: 0, xdata: null });
      const after = xdata?.get(POST_STAT)?.value;
      return after instanceof Iatt ? after : new Iatt();
    } catch (thrown) {
      if (isGone(thrown)) return null;
      throw thrown;
    }
  }

  /** Removes xattrs, as far as there are any. */
  async remove(call: Call, inode: Inode, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const xdata = new Dict();
    for (const name of names) xdata.setInt(name, 0);
    try {
      await this.brick.storage.removexattr(call, { inode, name: '', xdata });
    } catch (thrown) {
      if (!isGone(thrown) && !(thrown instanceof FopError && thrown.errno === ENODATA)) throw thrown;
    }
  }

  /** The directory that a directory is in. Null: one of them does not exist any more. */
  async parentOf(call: Call, directory: Inode): Promise<Inode | null> {
    if (directory.parent !== null) return directory.parent;
    const loc = { inode: null, parent: directory, name: '..' };
    try {
      const { stat } = await this.brick.storage.lookup(call, { loc, gfid: null, xdata: null });
      return isNullGfid(stat.gfid) ? null : this.directory(gfidKey(stat.gfid));
    } catch (thrown) {
      if (isGone(thrown)) return null;
      throw thrown;
    }
  }

  /** The table's inode of a directory. */
  directory(key: string): Inode {
    return this.brick.adoptInode(gfidOfKey(key), S_IFDIR);
  }

  /** Keys of the directories that have a name of a file. */
  async directoriesOf(call: Call, inode: Inode, record: QuotaRecord): Promise<ReadonlySet<string>> {
    let counted = 0;
    for (const count of record.links.values()) counted += count;
    if (counted === record.stat.nlink) return new Set(record.links.keys());
    // Links were not counted from the beginning, or a crash came between a link and its count.
    const found = await this.#directoriesByName(call, inode);
    for (const at of [inode, ...(inode.aliases ?? [])]) if (at.parent !== null) found.add(at.parent.key);
    // Nothing is known of its names: what it has given stays.
    return found.size > 0 ? found : new Set(record.contributions.keys());
  }

  /** The names in the file's gfid2path xattrs that really exist. */
  async #directoriesByName(call: Call, inode: Inode): Promise<Set<string>> {
    const { storage } = this.brick;
    const found = new Set<string>();
    const own = { inode, parent: null, name: '' };
    const { xdata } = await storage.lookup(call, { loc: own, gfid: inode.gfid, xdata: this.#paths });
    for (const key of xdata?.map.keys() ?? []) {
      const link = parseLink(xdata?.text(key) ?? '');
      if (link === null) continue;
      const parent = this.inode(gfidKey(link.parent), S_IFDIR);
      const loc = { inode: null, parent, name: link.name };
      try {
        const { stat } = await storage.lookup(call, { loc, gfid: null, xdata: null });
        if (gfidKey(stat.gfid) === inode.key) found.add(parent.key);
      } catch (thrown) {
        if (!isGone(thrown)) throw thrown;
      }
    }
    return found;
  }
}

function addLinks(links: Map<string, number>, key: string, value: Uint8Array | undefined): void {
  const directory = parseGfid(key.slice(PGFID_PREFIX.length));
  if (directory === null || value === undefined || value.length < 4) return;
  links.set(gfidKey(directory), new DataView(value.buffer, value.byteOffset).getUint32(0));
}

function parseLink(text: string): { parent: Gfid; name: string } | null {
  const parent = parseGfid(text.slice(0, 36));
  return parent === null || text[36] !== '/' ? null : { parent, name: text.slice(37) };
}
