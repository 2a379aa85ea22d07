/**
 * Namespaces of GlusterFS 11: a directory with the xattr {@link NAMESPACE_KEY}, and everything below it that has no
 * nearer such directory. Lookups of inodes that the table does not know ask for the xattr; a namespace that is still
 * unknown is read from disk when it is needed. On volumes without namespaces all of this is one comparison.
 */

import { ENODATA, ENOENT, ENOTSUP, EPERM, ESTALE, EXDEV } from '../../native/errno.js';
import { S_IFDIR } from '../../native/linux.js';
import type { Call } from '../xlator/call.js';
import { Dict } from '../xlator/dict.js';
import { FopError, failure } from '../xlator/fop-error.js';
import type { Fops, LookupReply, MaybePromise } from '../xlator/fops.js';
import { isNullGfid, parseGfid } from '../xlator/gfid.js';
import type { Inode } from '../xlator/inode.js';
import { MAX_LEVELS, pathOf } from '../xlator/known-path.js';
import type { FopContext, KnownInodes } from './fop-context.js';

/** Marks the root of a namespace, whatever its value. Set by internal clients only, and never removed. */
export const NAMESPACE_KEY = 'trusted.glusterfs.namespace';
/** A file's xattrs of that kind tell its names: "gfid of the directory/name". */
const GFID2PATH = 'trusted.gfid2path.';

/** A file that is gone from the disk: it is in no namespace any more. */
const GONE: ReadonlySet<number> = new Set([ENOENT, ESTALE, ENODATA]);

/** Whether an inode can not be the root of a namespace. */
const isNoDirectory = (inode: Inode): boolean => inode.type !== S_IFDIR && inode.type !== 0;

/** xdata of a lookup that tells as well whether the file is the root of a namespace, unless that is known. */
export function withNamespaceKey(table: KnownInodes, known: Inode | null | undefined, xdata: Dict | null): Dict | null {
  if (!table.tracksNamespaces || xdata?.has(NAMESPACE_KEY) === true) return xdata;
  if (known != null && (known.namespace !== null || isNoDirectory(known))) return xdata;
  const asking = new Dict();
  // A copy: the request's own dictionary is the fop's, which may store what is in it.
  if (xdata !== null) for (const [key, value] of xdata.map) asking.set(key, value);
  return asking.setInt(NAMESPACE_KEY, 1);
}

/** Notes the namespace of an inode that a lookup has found. answer: its reply to {@link withNamespaceKey}. */
export function learnNamespace(table: KnownInodes, inode: Inode, answer: Dict | null): void {
  if (!table.tracksNamespaces || inode.type !== S_IFDIR) return;
  if (answer?.has(NAMESPACE_KEY) === true) table.markNamespace(inode);
  else if (inode.namespace === null && inode.parent !== null) inode.namespace = inode.parent.namespace;
}

/** Fails with EPERM when a client that is not one of Gluster's own would make a namespace. */
export function guardNamespaceKey(ctx: FopContext, call: Call, xattrs: Dict | null): void {
  if (call.pid < 0 || !ctx.table.tracksNamespaces || xattrs?.has(NAMESPACE_KEY) !== true) return;
  ctx.brick.log.error(0, `${call.client.uid} may not set ${NAMESPACE_KEY}: only Gluster's own clients may`, EPERM);
  throw failure(EPERM);
}

/** Makes a directory the root of a namespace once its xattr is set. */
export function namespaceSet<R>(
  ctx: FopContext,
  inode: Inode,
  xattrs: Dict | null,
  set: MaybePromise<R>,
): MaybePromise<R> {
  if (!ctx.table.tracksNamespaces || xattrs?.has(NAMESPACE_KEY) !== true) return set;
  const mark = (reply: R): R => {
    if (inode.type === S_IFDIR) ctx.table.markNamespace(inode);
    else ctx.brick.log.warning(0, `${pathOf(inode)} is not a directory and cannot be the root of a namespace`);
    return reply;
  };
  return set instanceof Promise ? set.then(mark) : mark(set);
}

/** Fails with ENOTSUP when a namespace would be removed. */
export function keepNamespace(ctx: FopContext, inode: Inode, name: string, xdata: Dict | null): void {
  if (!ctx.table.tracksNamespaces || (name !== NAMESPACE_KEY && xdata?.has(NAMESPACE_KEY) !== true)) return;
  ctx.brick.log.error(0, `${pathOf(inode)}: removal of a namespace is not allowed`, ENOTSUP);
  throw failure(ENOTSUP);
}

/** Fails with EXDEV when a file would come from one namespace to another. */
export function requireSameNamespace(ctx: FopContext, what: string, from: Inode, to: Inode): MaybePromise<void> {
  const { brick, table } = ctx;
  if (!table.tracksNamespaces) return;
  const compare = (a: Inode, b: Inode): void => {
    if (a.key === b.key) return;
    const text = `${what} from ${pathOf(from)} to ${pathOf(to)}: not allowed across namespaces`;
    brick.log.error(0, text, EXDEV);
    throw failure(EXDEV);
  };
  const a = brick.namespaceOf(from);
  const b = brick.namespaceOf(to);
  if (!(a instanceof Promise) && !(b instanceof Promise)) return compare(a, b);
  return Promise.all([a, b]).then(([a, b]) => compare(a, b));
}

/** The namespace of an inode as far as the table knows it. */
function known(inode: Inode): Inode | null {
  if (inode.namespace === null && inode.parent !== null && isNoDirectory(inode)) {
    inode.namespace = inode.parent.namespace;
  }
  return inode.namespace;
}

/** What namespaces need of a brick. */
export interface NamespaceHost {
  readonly table: KnownInodes;
  readonly top: Fops;
  /** Runs work of the brick itself, as a fop in progress. */
  byItself<T>(work: (call: Call) => Promise<T>): Promise<T>;
}

/** Finds the namespaces of inodes that are known by gfid only. */
export class Namespaces {
  readonly #brick: NamespaceHost;
  readonly #finding = new Map<Inode, Promise<Inode>>();

  constructor(brick: NamespaceHost) {
    this.#brick = brick;
  }

  of(inode: Inode): MaybePromise<Inode> {
    const { table } = this.#brick;
    if (!table.tracksNamespaces) return table.root;
    return known(inode) ?? this.#find(inode);
  }

  /** Concurrent callers share one search. */
  #find(inode: Inode): Promise<Inode> {
    let finding = this.#finding.get(inode);
    if (finding === undefined) {
      finding = this.#brick.byItself((call) => this.#climb(call, inode)).finally(() => this.#finding.delete(inode));
      this.#finding.set(inode, finding);
    }
    return finding;
  }

  async #climb(call: Call, inode: Inode): Promise<Inode> {
    const { table } = this.#brick;
    const passed: Inode[] = [];
    try {
      let at = inode;
      while (known(at) === null) {
        call.hold(at);
        if (passed.push(at) > MAX_LEVELS) break;
        const above = await this.#above(call, at);
        if (above === null) break;
        at = above;
      }
      const found = at.namespace ?? table.root;
      for (const below of passed) below.namespace ??= found;
      return found;
    } catch (error) {
      if (error instanceof FopError && GONE.has(error.errno)) return table.root;
      throw error;
    }
  }

  /** The inode whose namespace is that of `at`: itself if it is found to be a root. Null: it has no name on disk. */
  async #above(call: Call, at: Inode): Promise<Inode | null> {
    const { table, top } = this.#brick;
    if (at.parent !== null && isNoDirectory(at)) return at.parent;
    const xdata = new Dict().setInt(NAMESPACE_KEY, 1).setInt(`${GFID2PATH}*`, 1);
    const loc = { inode: at, parent: null, name: '' };
    const own = await top.lookup(call, { loc, gfid: at.gfid, xdata });
    if (at.type === 0) at.type = own.stat.type;
    if (at.type !== S_IFDIR) return at.parent ?? parentByName(table, own);
    if (own.xdata?.has(NAMESPACE_KEY) === true) {
      table.markNamespace(at);
      return at;
    }
    if (at.parent !== null) return at.parent;
    const up = { inode: null, parent: at, name: '..' };
    const { stat } = await top.lookup(call, { loc: up, gfid: null, xdata: null });
    return isNullGfid(stat.gfid) ? null : table.intern(stat.gfid, stat.mode);
  }
}

/** The directory of a file's first name, as the file itself knows it. */
function parentByName(table: KnownInodes, { xdata }: LookupReply): Inode | null {
  for (const name of xdata?.map.keys() ?? []) {
    if (!name.startsWith(GFID2PATH)) continue;
    const parent = parseGfid((xdata?.text(name) ?? '').slice(0, 36));
    if (parent !== null) return table.intern(parent, S_IFDIR);
  }
  return null;
}
