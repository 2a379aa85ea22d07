/** Handlers of directory fops: opendir, readdir, readdirp, fsyncdir. */

import type { DirEntry, ReaddirReply, Xdata } from '../xlator/fops.js';
import { isNullGfid } from '../xlator/gfid.js';
import { Fd, type Inode } from '../xlator/inode.js';
import { then } from '../xlator/maybe-promise.js';
import { BLANK_OPENED, type OpenedReply, openedRsp, opening } from './data.js';
import { admitOpen } from './descriptor-budget.js';
import type { FopContext } from './fop-context.js';
import { commonRsp, EMPTY_XDATA, type FopHandler } from './handler.js';
import { learnNamespace, withNamespaceKey } from './namespaces.js';
import { resolveFd, resolveInode } from './resolve.js';

/** The largest reply that clients take, and what is asked for instead when a request would exceed it. */
const MAX_REPLY_BYTES = 131072;
const REPLY_HEADROOM = 112;

/** Memory of a reply's entries until they are encoded. */
const READDIR_BYTES = 512 << 10;
const memory = (): number => READDIR_BYTES;

function clampSize(size: number): number {
  return Math.min(size, MAX_REPLY_BYTES - REPLY_HEADROOM);
}

export const opendir: FopHandler<'opendir', OpenedReply> = {
  wind: (ctx, call, q) =>
    then(resolveInode(ctx, call, q.gfid, q.xdata), (inode) => {
      admitOpen(ctx);
      const fd = new Fd(inode, 0, ctx.client, call.pid);
      return opening(ctx, fd, () => ctx.top.opendir(call, { inode, fd, xdata: q.xdata }));
    }),
  rsp: openedRsp,
  blank: BLANK_OPENED,
};

export const fsyncdir: FopHandler<'fsyncdir', Xdata> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.fsyncdir(call, { fd, datasync: q.data !== 0, xdata: q.xdata }),
    ),
  rsp: commonRsp,
  blank: EMPTY_XDATA,
};

const BLANK_READDIR: ReaddirReply = { entries: [], errno: 0, xdata: null };

export const readdir: FopHandler<'readdir', ReaddirReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) =>
      ctx.top.readdir(call, { fd, offset: q.offset, size: clampSize(q.size), xdata: q.xdata }),
    ),
  rsp: (r) => ({
    op_ret: r.entries.length,
    op_errno: r.errno,
    xdata: r.xdata,
    reply: r.entries.map((e) => ({
      d_ino: e.ino,
      d_off: e.offset,
      d_len: e.name.length,
      d_type: e.type,
      name: e.name,
    })),
  }),
  blank: BLANK_READDIR,
  memory,
};

const direntp = (e: DirEntry) => ({
  d_ino: e.ino,
  d_off: e.offset,
  d_len: e.name.length,
  d_type: e.type,
  name: e.name,
  stat: e.stat,
  dict: e.dict,
});

function linkEntries(ctx: FopContext, directory: Inode, entries: readonly DirEntry[]): void {
  const { table } = ctx;
  for (const e of entries) {
    if (isNullGfid(e.stat.gfid)) continue;
    learnNamespace(table, table.link(directory, e.name, e.stat.gfid, e.stat.mode), e.dict);
  }
}

/** Instead of entries, quota's clients ask for the ways from the root ("/") down to a file: each entry is in the one before. */
function linkAncestry(ctx: FopContext, entries: readonly DirEntry[]): void {
  const { table } = ctx;
  let above = table.root;
  for (const e of entries) {
    above = e.name === '/' ? table.root : table.link(above, e.name, e.stat.gfid, e.stat.mode);
  }
}

export const readdirp: FopHandler<'readdirp', ReaddirReply> = {
  wind: (ctx, call, q) =>
    then(resolveFd(ctx, call, q.fd, q.gfid, 0, q.xdata), (fd) => {
      const xdata = withNamespaceKey(ctx.table, null, q.xdata);
      return then(ctx.top.readdirp(call, { fd, offset: q.offset, size: clampSize(q.size), xdata }), (r) => {
        if (r.entries[0]?.name === '/') linkAncestry(ctx, r.entries);
        else linkEntries(ctx, fd.inode, r.entries);
        return r;
      });
    }),
  rsp: (r) => ({ op_ret: r.entries.length, op_errno: r.errno, xdata: r.xdata, reply: r.entries.map(direntp) }),
  blank: BLANK_READDIR,
  memory,
};
