/** Handlers of entry fops: lookup, and the creation, removal and renaming of names. */

import { EBADF, EINVAL, EISDIR, EMFILE, ENODATA, ENOENT, ENOTCONN, ESTALE } from '../../native/errno.js';
import type { LookupReq } from '../wire/programs/glusterfs4.js';
import type { Call } from '../xlator/call.js';
import type { Dict } from '../xlator/dict.js';
import { FopError, failure } from '../xlator/fop-error.js';
import type {
  CreateReply,
  EntryReply,
  LookupArgs,
  LookupReply,
  MaybePromise,
  RemoveReply,
  RenameReply,
  StatReply,
} from '../xlator/fops.js';
import { gfidOfKey, isNullGfid, NULL_KEY, ROOT_KEY } from '../xlator/gfid.js';
import { NO_IATT } from '../xlator/iatt.js';
import { Fd, type Inode } from '../xlator/inode.js';
import { then } from '../xlator/maybe-promise.js';
import { admitOpen } from './descriptor-budget.js';
import type { FopContext } from './fop-context.js';
import { BLANK_STAT, type FopHandler, iattRsp } from './handler.js';
import { guardNamespaceKey, learnNamespace, requireSameNamespace, withNamespaceKey } from './namespaces.js';
import { openFlag, WIRE_O_EXCL } from './open-flags.js';
import {
  type EntryLoc,
  resolveDirectory,
  resolveEntry,
  resolveInode,
  resolveMaybe,
  resolveNew,
  resolveParent,
} from './resolve.js';

const BLANK_ENTRY: EntryReply = { stat: NO_IATT, preparent: NO_IATT, postparent: NO_IATT, xdata: null };
const BLANK_REMOVE: RemoveReply = { preparent: NO_IATT, postparent: NO_IATT, xdata: null };

const entryRsp = (r: EntryReply) => ({
  op_ret: 0,
  op_errno: 0,
  xdata: r.xdata,
  stat: r.stat,
  preparent: r.preparent,
  postparent: r.postparent,
});
const removeRsp = (r: RemoveReply) => ({
  op_ret: 0,
  op_errno: 0,
  xdata: r.xdata,
  prestat: r.preparent,
  poststat: r.postparent,
});

/** Runs `first`; a failure (thrown or rejected) goes to `onError`. */
function attempt<T>(first: () => MaybePromise<T>, onError: (e: unknown) => MaybePromise<T>): MaybePromise<T> {
  try {
    const result = first();
    return result instanceof Promise ? result.catch(onError) : result;
  } catch (error) {
    return onError(error);
  }
}

/** Adds a new entry to the inode table. */
function linked(ctx: FopContext, parent: Inode, name: string): (r: EntryReply) => EntryReply {
  return (r) => {
    ctx.table.link(parent, name, r.stat.gfid, r.stat.mode);
    return r;
  };
}

/** Errors of a lookup that show that the table's entry is out of date. */
const OUTDATED: ReadonlySet<number> = new Set([ENOENT, ESTALE, ENODATA]);

function lookupNamed(ctx: FopContext, call: Call, q: LookupReq): MaybePromise<LookupReply> {
  return then(resolveParent(ctx, call, q.pargfid, q.bname, q.xdata, EINVAL), (parent) => {
    const table = ctx.table;
    const name = q.bname;
    const known = table.child(parent, name) ?? null;
    if (known !== null) call.hold(known);
    const xdata = withNamespaceKey(table, known, q.xdata);
    const args: LookupArgs = { loc: { inode: known, parent, name }, gfid: null, xdata };
    const found = (r: LookupReply): LookupReply => {
      // A client that asks for an entry without gfid is about to set one.
      if (isNullGfid(r.stat.gfid)) return r;
      learnNamespace(table, table.link(parent, name, r.stat.gfid, r.stat.mode), r.xdata);
      return r;
    };
    if (known === null) return then(ctx.top.lookup(call, args), found);
    return attempt(
      () => then(ctx.top.lookup(call, args), found),
      (error) => {
        // The name was removed, is another file now, or the file lost its gfid: look it up again without the table's inode.
        if (!(error instanceof FopError) || !OUTDATED.has(error.errno)) throw error;
        table.unlink(parent, name);
        args.loc.inode = null;
        args.xdata = withNamespaceKey(table, null, q.xdata);
        return then(ctx.top.lookup(call, args), found);
      },
    );
  });
}

function lookupNameless(ctx: FopContext, call: Call, q: LookupReq): MaybePromise<LookupReply> {
  const key = ctx.client.mapRoot(q.gfid);
  if (key === NULL_KEY) throw failure(EINVAL);
  return lookupKey(ctx, call, key, q);
}

/**
 * `.` and `..`, which libgfapi asks for when it knows a directory by its gfid only (NFS-Ganesha). They are no entries: the
 * table never gets a link by them, and nothing lies above what a client has mounted.
 */
function lookupDots(ctx: FopContext, call: Call, q: LookupReq): MaybePromise<LookupReply> {
  return then(resolveDirectory(ctx, call, q.pargfid, q.xdata), (directory) => {
    if (q.bname === '.' || directory.isRoot || directory.key === ctx.client.mapRoot(ROOT_KEY)) {
      return lookupKey(ctx, call, directory.key, q);
    }
    if (directory.parent !== null) return lookupKey(ctx, call, directory.parent.key, q);
    const loc = { inode: null, parent: directory, name: q.bname };
    return then(ctx.top.lookup(call, { loc, gfid: null, xdata: q.xdata }), (r) => {
      if (!isNullGfid(r.stat.gfid)) ctx.table.intern(r.stat.gfid, r.stat.mode);
      return r;
    });
  });
}

function interned(ctx: FopContext, r: LookupReply): LookupReply {
  const { table } = ctx;
  if (!isNullGfid(r.stat.gfid)) learnNamespace(table, table.intern(r.stat.gfid, r.stat.mode), r.xdata);
  return r;
}

function lookupKey(ctx: FopContext, call: Call, key: string, q: LookupReq): MaybePromise<LookupReply> {
  const table = ctx.table;
  const known = table.get(key) ?? null;
  if (known !== null) call.hold(known);
  const xdata = withNamespaceKey(table, known, q.xdata);
  const args: LookupArgs = { loc: { inode: known, parent: null, name: '' }, gfid: gfidOfKey(key), xdata };
  return attempt(
    () => then(ctx.top.lookup(call, args), (r) => interned(ctx, r)),
    (error) => {
      if (known !== null && error instanceof FopError && (error.errno === ENOENT || error.errno === ESTALE)) {
        table.unlinkAll(known);
      }
      throw error;
    },
  );
}

export const lookup: FopHandler<'lookup', LookupReply> = {
  wind: (ctx, call, q) => {
    if (q.bname === '' || q.pargfid === NULL_KEY) return lookupNameless(ctx, call, q);
    return q.bname === '.' || q.bname === '..' ? lookupDots(ctx, call, q) : lookupNamed(ctx, call, q);
  },
  rsp: (r, ctx) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    prestat: ctx.client.showRoot(r.stat),
    poststat: r.postparent,
  }),
  blank: { stat: NO_IATT, postparent: NO_IATT, xdata: null },
  failed(rsp, error) {
    if (error.postparent !== null) rsp.poststat = error.postparent;
  },
};

export const mknod: FopHandler<'mknod', EntryReply> = {
  wind: (ctx, call, q) =>
    then(resolveNew(ctx, call, q.pargfid, q.bname, q.xdata), (loc) =>
      then(
        ctx.top.mknod(call, { loc, mode: q.mode, rdev: q.dev, umask: q.umask, xdata: q.xdata }),
        linked(ctx, loc.parent, loc.name),
      ),
    ),
  rsp: entryRsp,
  blank: BLANK_ENTRY,
};

export const mkdir: FopHandler<'mkdir', EntryReply> = {
  wind: (ctx, call, q) =>
    then(resolveNew(ctx, call, q.pargfid, q.bname, q.xdata), (loc) => {
      guardNamespaceKey(ctx, call, q.xdata);
      return then(ctx.top.mkdir(call, { loc, mode: q.mode, umask: q.umask, xdata: q.xdata }), (r) => {
        const { table } = ctx;
        // The xattrs that it is made with are in the request.
        learnNamespace(table, table.link(loc.parent, loc.name, r.stat.gfid, r.stat.mode), q.xdata);
        return r;
      });
    }),
  rsp: entryRsp,
  blank: BLANK_ENTRY,
};

export const symlink: FopHandler<'symlink', EntryReply> = {
  wind: (ctx, call, q) =>
    then(resolveNew(ctx, call, q.pargfid, q.bname, q.xdata), (loc) =>
      then(
        ctx.top.symlink(call, { loc, target: q.linkname, umask: q.umask, xdata: q.xdata }),
        linked(ctx, loc.parent, loc.name),
      ),
    ),
  rsp: entryRsp,
  blank: BLANK_ENTRY,
};

export const link: FopHandler<'link', EntryReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.oldgfid, q.xdata), (inode) =>
      then(resolveNew(ctx, call, q.newgfid, q.newbname, q.xdata), (newLoc) =>
        then(requireSameNamespace(ctx, 'link', inode, newLoc.parent), () =>
          then(
            ctx.top.link(call, { inode, newLoc: { ...newLoc, inode }, xdata: q.xdata }),
            linked(ctx, newLoc.parent, newLoc.name),
          ),
        ),
      ),
    ),
  rsp: entryRsp,
  blank: BLANK_ENTRY,
};

/** Forgets a removed name, and the inode with its last one. */
function removed(ctx: FopContext, parent: Inode, name: string): (r: RemoveReply) => RemoveReply {
  return (r) => {
    const table = ctx.table;
    const inode = table.unlink(parent, name);
    if (inode !== undefined && inode.parent === null) table.drop(inode);
    return r;
  };
}

export const unlink: FopHandler<'unlink', RemoveReply> = {
  wind: (ctx, call, q) =>
    then(resolveEntry(ctx, call, q.pargfid, q.bname, q.xdata), (loc) =>
      then(ctx.top.unlink(call, { loc, xflags: q.xflags, xdata: q.xdata }), removed(ctx, loc.parent, loc.name)),
    ),
  rsp: removeRsp,
  blank: BLANK_REMOVE,
};

export const rmdir: FopHandler<'rmdir', RemoveReply> = {
  wind: (ctx, call, q) =>
    then(resolveEntry(ctx, call, q.pargfid, q.bname, q.xdata), (loc) =>
      then(ctx.top.rmdir(call, { loc, flags: q.xflags, xdata: q.xdata }), removed(ctx, loc.parent, loc.name)),
    ),
  rsp: removeRsp,
  blank: BLANK_REMOVE,
};

function renamed(
  ctx: FopContext,
  call: Call,
  oldLoc: EntryLoc,
  newLoc: EntryLoc,
  xdata: Dict | null,
): MaybePromise<RenameReply> {
  return then(requireSameNamespace(ctx, 'rename', oldLoc.parent, newLoc.parent), () =>
    ctx.top.rename(call, { oldLoc, newLoc, xdata }),
  );
}

export const rename: FopHandler<'rename', RenameReply> = {
  wind: (ctx, call, q) =>
    then(resolveEntry(ctx, call, q.oldgfid, q.oldbname, q.xdata), (oldLoc) =>
      then(resolveMaybe(ctx, call, q.newgfid, q.newbname, q.xdata), (newLoc) =>
        then(renamed(ctx, call, oldLoc, newLoc, q.xdata), (r) => {
          const table = ctx.table;
          const moved = oldLoc.inode;
          const victim = newLoc.inode;
          if (victim === moved) return r; // two names of one file: rename(2) does nothing
          if (victim !== null)
            removed(ctx, newLoc.parent, newLoc.name)({ xdata: null, preparent: NO_IATT, postparent: NO_IATT });
          table.unlink(oldLoc.parent, oldLoc.name);
          table.link(newLoc.parent, newLoc.name, moved.gfid, moved.type);
          return r;
        }),
      ),
    ),
  rsp: (r) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    stat: r.stat,
    preoldparent: r.preOldParent,
    postoldparent: r.postOldParent,
    prenewparent: r.preNewParent,
    postnewparent: r.postNewParent,
  }),
  blank: {
    stat: NO_IATT,
    preOldParent: NO_IATT,
    postOldParent: NO_IATT,
    preNewParent: NO_IATT,
    postNewParent: NO_IATT,
    xdata: null,
  },
};

interface CreatedReply extends CreateReply {
  fdNumber: number;
}

export const create: FopHandler<'create', CreatedReply> = {
  wind: (ctx, call, q) => {
    admitOpen(ctx);
    const exclusive = (q.flags & WIRE_O_EXCL) !== 0;
    const loc = exclusive
      ? resolveNew(ctx, call, q.pargfid, q.bname, q.xdata)
      : then(resolveParent(ctx, call, q.pargfid, q.bname, q.xdata, EISDIR), (parent) => {
          const inode = ctx.table.child(parent, q.bname) ?? null;
          if (inode !== null) call.hold(inode);
          return { inode, parent, name: q.bname };
        });
    return then(loc, (l) => {
      const flags = openFlag(q.flags);
      const args = { loc: l, flags, mode: q.mode, umask: q.umask, pid: call.pid, xdata: q.xdata };
      return then(ctx.top.create(call, args), (r) => {
        const inode = ctx.table.link(l.parent, l.name, r.stat.gfid, r.stat.mode);
        if (!ctx.client.alive) {
          r.abandon();
          throw failure(ENOTCONN);
        }
        const fd = new Fd(inode, flags, ctx.client, call.pid);
        const fdNumber = ctx.client.addFd(fd);
        if (fdNumber < 0) {
          r.abandon();
          throw failure(EMFILE);
        }
        ctx.brick.fdOpened(fd);
        r.bind(fd);
        return { ...r, fdNumber };
      });
    });
  },
  rsp: (r) => ({
    op_ret: 0,
    op_errno: 0,
    xdata: r.xdata,
    stat: r.stat,
    fd: r.fdNumber,
    preparent: r.preparent,
    postparent: r.postparent,
  }),
  blank: {
    ...BLANK_ENTRY,
    fdNumber: 0,
    bind() {
      throw failure(EBADF);
    },
    abandon() {},
  },
};

export const icreate: FopHandler<'icreate', StatReply> = {
  wind: (ctx, call, q) =>
    then(ctx.top.icreate(call, { gfid: gfidOfKey(q.gfid), mode: q.mode, xdata: q.xdata }), (r) => {
      ctx.table.intern(r.stat.gfid, r.stat.mode);
      return r;
    }),
  rsp: iattRsp,
  blank: BLANK_STAT,
};

export const namelink: FopHandler<'namelink', RemoveReply> = {
  wind: (ctx, call, q) =>
    then(resolveNew(ctx, call, q.pargfid, q.bname, q.xdata), (loc) => ctx.top.namelink(call, { loc, xdata: q.xdata })),
  rsp: removeRsp,
  blank: BLANK_REMOVE,
};
