/**
 * Resolves what a request names (gfids, names, fd numbers) to inodes and fds. What the tables do not hold is looked up
 * on disk through the stack, so that every translator learns of the inode.
 */

import { EBADF, EEXIST, EINVAL, ENAMETOOLONG, ENODATA, ENOENT, EPERM, ESTALE } from '../../native/errno.js';
import { S_IFDIR } from '../../native/linux.js';
import type { Call } from '../xlator/call.js';
import type { Dict } from '../xlator/dict.js';
import { isEntryName, NAME_MAX } from '../xlator/entry-name.js';
import { FopError, failure } from '../xlator/fop-error.js';
import type { MaybePromise } from '../xlator/fops.js';
import { gfidOfKey, isNullGfid, NULL_KEY } from '../xlator/gfid.js';
import { Fd, type Inode, type Loc } from '../xlator/inode.js';
import { then } from '../xlator/maybe-promise.js';
import type { FopContext } from './fop-context.js';
import { learnNamespace, withNamespaceKey } from './namespaces.js';
import { openFlag } from './open-flags.js';

/** Wire number of an fd that was never opened: the gfid tells the file. */
const ANONYMOUS = -2;

/** Where an entry is, or is to be made. */
export interface EntryLoc extends Loc {
  parent: Inode;
}
/** An entry that exists. */
export interface ExistingLoc extends EntryLoc {
  inode: Inode;
}

/** The inode of a gfid; ESTALE when there is no such file. */
export function resolveInode(ctx: FopContext, call: Call, gfid: string, xdata: Dict | null): MaybePromise<Inode> {
  const key = ctx.client.mapRoot(gfid);
  const known = ctx.table.get(key);
  if (known !== undefined) {
    call.hold(known);
    return known;
  }
  if (key === NULL_KEY) throw failure(ESTALE);
  return discover(ctx, call, key, xdata);
}

async function discover(ctx: FopContext, call: Call, key: string, xdata: Dict | null): Promise<Inode> {
  const { table } = ctx;
  const asked = withNamespaceKey(table, undefined, xdata);
  try {
    const loc: Loc = { inode: null, parent: null, name: '' };
    const reply = await ctx.top.lookup(call, { loc, gfid: gfidOfKey(key), xdata: asked });
    const inode = table.intern(reply.stat.gfid, reply.stat.mode);
    learnNamespace(table, inode, reply.xdata);
    call.hold(inode);
    return inode;
  } catch (error) {
    if (error instanceof FopError) throw failure(ESTALE);
    throw error;
  }
}

/** The directory of a gfid; EPERM when the file is none. */
export function resolveDirectory(ctx: FopContext, call: Call, gfid: string, xdata: Dict | null): MaybePromise<Inode> {
  return then(resolveInode(ctx, call, gfid, xdata), (inode) => {
    if (inode.type !== 0 && inode.type !== S_IFDIR) throw failure(EPERM);
    return inode;
  });
}

/**
 * The directory that an entry request names, and the name checked: translators get no name that is not one component of a
 * path. own: the errno for the names of the directory itself and of the one above it, which every directory has.
 */
export function resolveParent(
  ctx: FopContext,
  call: Call,
  pargfid: string,
  name: string,
  xdata: Dict | null,
  own: number,
): MaybePromise<Inode> {
  if (!isEntryName(name)) throw failure(nameErrno(name, own));
  return resolveDirectory(ctx, call, pargfid, xdata);
}

function nameErrno(name: string, own: number): number {
  if (name.includes('/')) return EPERM;
  if (name.includes('\0')) return EINVAL;
  return name.length > NAME_MAX ? ENAMETOOLONG : own;
}

/** An entry that the table holds, or null. */
function knownEntry(ctx: FopContext, call: Call, parent: Inode, name: string): ExistingLoc | null {
  const inode = ctx.table.child(parent, name);
  if (inode === undefined) return null;
  call.hold(inode);
  return { inode, parent, name };
}

/** An entry that must exist. */
export function resolveEntry(
  ctx: FopContext,
  call: Call,
  pargfid: string,
  name: string,
  xdata: Dict | null,
): MaybePromise<ExistingLoc> {
  return then(resolveParent(ctx, call, pargfid, name, xdata, ENOENT), (parent) => {
    return knownEntry(ctx, call, parent, name) ?? lookupName(ctx, call, parent, name, xdata);
  });
}

/** An entry that may exist: `loc.inode` is null when it doesn't. */
export function resolveMaybe(
  ctx: FopContext,
  call: Call,
  pargfid: string,
  name: string,
  xdata: Dict | null,
): MaybePromise<EntryLoc> {
  return then(resolveParent(ctx, call, pargfid, name, xdata, EEXIST), (parent) => {
    const known = knownEntry(ctx, call, parent, name);
    if (known !== null) return known;
    return lookupName(ctx, call, parent, name, xdata).catch((error: unknown) => {
      if (error instanceof FopError && error.errno === ENOENT) return { inode: null, parent, name };
      throw error;
    });
  });
}

/** An entry that is to be made: a name that the table still holds is checked on disk, and dropped when it is stale. */
export function resolveNew(
  ctx: FopContext,
  call: Call,
  pargfid: string,
  name: string,
  xdata: Dict | null,
): MaybePromise<EntryLoc> {
  return then(resolveParent(ctx, call, pargfid, name, xdata, EEXIST), (parent) => {
    const known = ctx.table.child(parent, name);
    if (known === undefined) return { inode: null, parent, name };
    // Without the request's own keys: what they ask for is meant for the new file.
    return lookupName(ctx, call, parent, name, null)
      .catch((error: unknown) => {
        if (!(error instanceof FopError)) throw error;
        // A caller without permission to look is told that the name exists, as the table has it.
        if (error.errno !== ENOENT && error.errno !== ESTALE) throw failure(EEXIST);
        ctx.table.unlink(parent, name);
        return { inode: null, parent, name };
      })
      .then((loc) => {
        // The entry exists: the fop itself finds out and reports it as its own rules say.
        return { ...loc, inode: null };
      });
  });
}

async function lookupName(
  ctx: FopContext,
  call: Call,
  parent: Inode,
  name: string,
  xdata: Dict | null,
): Promise<ExistingLoc> {
  const { table } = ctx;
  const asked = withNamespaceKey(table, table.child(parent, name), xdata);
  const reply = await ctx.top.lookup(call, { loc: { inode: null, parent, name }, gfid: null, xdata: asked });
  // Only lookups may ask to be shown what has no gfid.
  if (isNullGfid(reply.stat.gfid)) throw failure(ENODATA);
  const inode = table.link(parent, name, reply.stat.gfid, reply.stat.mode);
  learnNamespace(table, inode, reply.xdata);
  call.hold(inode);
  return { inode, parent, name };
}

/** The fd that a request names by number, or an anonymous one on a gfid. EBADF for a number that is not open. */
export function resolveFd(
  ctx: FopContext,
  call: Call,
  number: number,
  gfid: string,
  flags: number,
  xdata: Dict | null,
): MaybePromise<Fd> {
  if (number !== ANONYMOUS) {
    const fd = ctx.client.fd(number);
    if (fd === null) throw failure(EBADF);
    call.holdFd(fd);
    return fd;
  }
  return then(resolveInode(ctx, call, gfid, xdata), (inode) => {
    const fd = new Fd(inode, openFlag(flags), ctx.client, call.pid, true);
    call.holdFd(fd);
    return fd;
  });
}
