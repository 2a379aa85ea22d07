/**
 * features/trash: keeps a copy of what clients unlink or truncate, in a directory of the brick, under its path and the
 * time. Large files, files with other names left and those below paths that options name are not kept.
 */

import { loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { isEntryName } from '../../../../mux/xlator/entry-name.js';
import { failure, nullOnFailure } from '../../../../mux/xlator/fop-error.js';
import type {
  EntryReply,
  FopName,
  FtruncateArgs,
  MaybePromise,
  MkdirArgs,
  PrePostReply,
  RemoveReply,
  RenameArgs,
  RenameReply,
  RmdirArgs,
  TruncateArgs,
  UnlinkArgs,
} from '../../../../mux/xlator/fops.js';
import { sameGfid } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import { directoryOf, type Inode, type Loc } from '../../../../mux/xlator/inode.js';
import { knownNames } from '../../../../mux/xlator/known-path.js';
import { TRASH_GFID, TRASH_INTERNAL_GFID } from '../../../../mux/xlator/reserved-gfids.js';
import { Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { RESPONSE_LINK_COUNT } from '../../../../mux/xlator/xdata-keys.js';
import { defined } from '../../../../native/assert.js';
import { EDQUOT, ENOSPC, EOPNOTSUPP, EPERM, errnoName } from '../../../../native/errno.js';
import type { Options } from './options.js';
import { INTERNAL, TRASH_PARENT, TrashStore } from './trash-store.js';

const DEFAULT_MAX_BYTES = 200 << 20;
const ANCESTRY = 'glusterfs.ancestry.path';

export class TrashTranslator extends Translator<Options> {
  readonly #log;
  #store: TrashStore | null = null;
  /** Prefixes, each with a slash at both ends. */
  #eliminated: string[] = [];

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
  }

  override async init(): Promise<void> {
    this.#read(this.options);
    if (this.options.trash) await this.#open();
  }

  override async reconfigure(options: Options): Promise<void> {
    const on = this.#store !== null;
    if (on && !options.trash) this.#log.info(0, 'Disable of trash feature is not allowed during graph reconfigure');
    const next = { ...options, trash: on || options.trash };
    this.#read(next);
    const before = this.options;
    this.options = next;
    try {
      if (next.trash) await this.#open();
    } catch (error) {
      this.options = before;
      throw error;
    }
  }

  override async fini(): Promise<void> {
    this.#store?.close();
    this.#store = null;
  }

  override wants(_fop: FopName): boolean {
    return this.options.trash;
  }

  #read(options: Options): void {
    const name = options['trash-dir'];
    if (!isEntryName(name))
      throw new Error(`brick ${this.brick.name}: option trash-dir: '${name}' is not a valid directory name`);
    const paths = options['trash-eliminate-path'] ?? [];
    this.#eliminated = paths.filter((path) => path !== '').map((path) => `/${path.replace(/^\/+|\/+$/g, '')}/`);
  }

  async #open(): Promise<void> {
    if (this.#store === null) {
      const fresh = new TrashStore();
      await fresh.open(this.options['brick-path'] ?? this.brick.name);
      this.#store = fresh;
    }
    const store = this.#store;
    const name = this.options['trash-dir'];
    const failed = (what: string, errno: number): void =>
      this.#log.error(0, `${this.brick.name}: making or renaming the directory ${what} failed`, errno);
    const errno = await store.makeFixed(TRASH_GFID, TRASH_PARENT, [], name);
    if (errno !== 0) return failed(name, errno);
    if (!this.options['trash-internal-op']) return;
    const inner = await store.makeFixed(TRASH_INTERNAL_GFID, TRASH_GFID, [name], INTERNAL);
    if (inner !== 0) failed(`${name}/${INTERNAL}`, inner);
  }

  get #opened(): TrashStore {
    return defined(this.#store, 'fops reach the trash only once it is open');
  }

  // --- the folders themselves ---------------------------------------------------------------------------------------

  mkdir(call: Call, args: MkdirArgs): MaybePromise<EntryReply> {
    this.#guard(args.loc, 'mkdir');
    return this.next.mkdir(call, args);
  }
  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    this.#guard(args.loc, 'rmdir');
    return this.next.rmdir(call, args);
  }
  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    this.#guard(args.oldLoc, 'rename');
    return this.next.rename(call, args);
  }

  /** Throws EPERM when an operation is on a folder of the trash. */
  #guard({ inode, parent, name }: Loc, fop: string): void {
    const { options } = this;
    const trash =
      (inode !== null && sameGfid(inode.gfid, TRASH_GFID)) || (parent?.isRoot && name === options['trash-dir']);
    const inner =
      options['trash-internal-op'] &&
      ((inode !== null && sameGfid(inode.gfid, TRASH_INTERNAL_GFID)) ||
        (parent !== null && sameGfid(parent.gfid, TRASH_GFID) && name === INTERNAL));
    if (!trash && !inner) return;
    this.#log.debug(0, `${fop} issued on /${options['trash-dir']}/, which is not permitted`);
    throw failure(EPERM);
  }

  // --- what goes into it --------------------------------------------------------------------------------------------

  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    return this.#passes(call) ? this.next.unlink(call, args) : this.#unlink(call, args);
  }
  truncate(call: Call, args: TruncateArgs): MaybePromise<PrePostReply> {
    if (this.#passes(call)) return this.next.truncate(call, args);
    return this.#shorten(call, args.inode, args.offset).then(() => this.next.truncate(call, args));
  }
  ftruncate(call: Call, args: FtruncateArgs): MaybePromise<PrePostReply> {
    if (this.#passes(call)) return this.next.ftruncate(call, args);
    return this.#shorten(call, args.fd.inode, args.offset).then(() => this.next.ftruncate(call, args));
  }

  /** Of Gluster's own clients only what an option asks for is kept. */
  #passes(call: Call): boolean {
    return call.pid < 0 && !this.options['trash-internal-op'];
  }

  /** The file gets a name in the trash before it loses the one that it has: nothing is lost in between. */
  async #unlink(call: Call, args: UnlinkArgs): Promise<RemoveReply> {
    const { name } = args.loc;
    const { stat } = await this.next.lookup(call, { loc: args.loc, gfid: null, xdata: null });
    const path = this.#fits(stat) && !stat.isDirectory ? await this.#path(call, directoryOf(args.loc), name) : null;
    if (path === null) return this.next.unlink(call, args);
    const { directories, skip } = this.#target(call, path);
    const errno = await this.#opened.keep(stat.gfid, directories, skip, stamped(name), call);
    if (errno !== 0) {
      this.#log.error(0, `${path.join('/')} is unlinked without a copy in the trash: ${errnoName(errno)}`);
      return this.next.unlink(call, args);
    }
    const reply = await this.next.unlink(call, args);
    // For those who count, the last name has gone.
    if (reply.xdata?.has(RESPONSE_LINK_COUNT)) reply.xdata.setUint(RESPONSE_LINK_COUNT, 1);
    return reply;
  }

  /**
   * Copies a file that is about to become shorter. Throws when that fails: what can't be kept is not cut either. But without room for
   * a copy, or a place for it, the file is cut all the same, as by glusterfsd: a full volume must be able to shrink.
   */
  async #shorten(call: Call, inode: Inode, size: number): Promise<void> {
    const { stat } = await this.next.stat(call, { inode, xdata: null });
    if (!stat.isRegular || !this.#fits(stat) || stat.size <= size) return;
    const path = await this.#path(call, inode);
    if (path === null) return;
    const { directories, skip } = this.#target(call, path);
    const name = stamped(path.at(-1) ?? '');
    const { errno, copied } = await this.#opened.copy(stat.gfid, stat, directories, skip, name, call);
    if (errno === 0) return;
    const what = `${this.brick.name}: ${path.join('/')}`;
    if (copied || errno === ENOSPC || errno === EDQUOT || errno === EOPNOTSUPP) {
      this.#log.error(0, `${what} is truncated without a copy in the trash: ${errnoName(errno)}`);
      return;
    }
    this.#log.error(0, `${what} is not truncated, as copying it to the trash failed: ${errnoName(errno)}`);
    throw failure(errno);
  }

  #fits(stat: Iatt): boolean {
    const most = this.options['trash-max-filesize'];
    return stat.nlink === 1 && stat.size <= (most === 0 ? DEFAULT_MAX_BYTES : most);
  }

  /** Directories of the trash that a file goes to; the first `skip` of them are the trash's own. */
  #target(call: Call, path: readonly string[]): { directories: string[]; skip: number } {
    const own = call.pid < 0 ? [this.options['trash-dir'], INTERNAL] : [this.options['trash-dir']];
    return { directories: [...own, ...path.slice(0, -1)], skip: own.length };
  }

  /** Names from the root to a file; null when it is not to be kept, or its path is not known. */
  async #path(call: Call, from: Inode, ...names: string[]): Promise<string[] | null> {
    const { top, names: above } = knownNames(from);
    names.unshift(...above);
    if (!top.isRoot) {
      try {
        const { dict } = await this.next.getxattr(call, { inode: top, name: ANCESTRY, xdata: null });
        const text = dict?.text(ANCESTRY) ?? '';
        if (!text.startsWith('/')) return null;
        names.unshift(...text.split('/').filter((name) => name !== ''));
      } catch (error) {
        return nullOnFailure(error);
      }
    }
    const path = `/${names.join('/')}`;
    if (path.startsWith(`/${this.options['trash-dir']}/`)) return null;
    return this.#eliminated.some((prefix) => path.startsWith(prefix)) ? null : names;
  }
}

/** A name with the time, in UTC and to the second, as operators know them from the trash. */
function stamped(name: string): string {
  const [date = '', time = ''] = new Date().toISOString().slice(0, 'YYYY-MM-DDThh:mm:ss'.length).split('T');
  return `${name}_${date}_${time.replaceAll(':', '')}_+0000`;
}
