/** The fop lookup, by name or by gfid, with the xattrs that the request asks for. Repairs missing gfids and handles. */

import type { Call } from '../../../mux/xlator/call.js';
import { FopError, failure, fopErrorOf } from '../../../mux/xlator/fop-error.js';
import type { LookupArgs, LookupReply, MaybePromise } from '../../../mux/xlator/fops.js';
import { gfidText, isNullGfid } from '../../../mux/xlator/gfid.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { refuseMisplaced, refuseReserved } from '../../../mux/xlator/reserved-gfids.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { ENODATA, ENOENT, EPERM, ESTALE } from '../../../native/errno.js';
import { IGNORE, Priority } from '../../../native/layout.js';
import { XATTR_CREATE } from '../../../native/linux.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { lacksHandle, mayLackHandle, restoreHandle } from '../../brick-dir/handle-heal.js';
import type { Directory } from '../../disk/descriptors/directory-cache.js';
import { HANDLE_DIR } from '../../disk/format/handle-name.js';
import { pgfidKey } from '../../disk/format/pgfid.js';
import { GFID_KEY } from '../../disk/format/xattr-keys.js';
import { pathWord } from '../../disk/query/lookup-keys.js';
import { ensurePgfid } from '../../disk/query/parent-link-count.js';
import { readContent } from '../../disk/query/small-file-content.js';
import { EntryQuery } from '../../disk/query/stat-entry.js';
import { XattrWants } from '../../disk/query/xattr-reply.js';
import { runOnPool, tryCached } from '../../disk/run-cached.js';
import { gfidRequest, isFreeFor, isHeal } from './gfid-request.js';
import { nameless } from './lookup-gfid.js';

/** A file without gfid that is younger than this may be one whose creation is in progress. */
const FRESH_MS = 1000;

export function lookup(store: BrickDir, call: Call, args: LookupArgs): MaybePromise<LookupReply> {
  const { parent, name } = args.loc;
  if (parent === null || name === '') return nameless(store, call, args);
  if (parent.isRoot && name === HANDLE_DIR) throw failure(EPERM);
  const d = store.dirs.acquire(parent);
  if (d instanceof Promise) return d.then((dir) => below(store, call, args, parent, dir), stale);
  return below(store, call, args, parent, d);
}

function stale(error: unknown): never {
  const { errno } = fopErrorOf(error);
  throw failure(errno === ENOENT ? ESTALE : errno);
}

function wantsOf(store: BrickDir, args: LookupArgs): XattrWants {
  const parent = args.loc.parent;
  return store.options['update-link-count-parent'] && parent !== null
    ? new XattrWants(args.xdata, [pgfidKey(parent.gfid)])
    : new XattrWants(args.xdata);
}

/** Lookup by name in an open directory; releases the directory. */
function below(store: BrickDir, call: Call, args: LookupArgs, parent: Inode, d: Directory): MaybePromise<LookupReply> {
  const wants = wantsOf(store, args);
  const probe = new EntryQuery(store, d, parent, args.loc.name, wants);
  if (!tryCached(store, probe)) return belowSlowly(store, call, args, d, probe, wants, true);
  if (probe.parentGone) return belowSlowly(store, call, args, d, probe, wants, false);
  if (probe.errno !== 0) {
    d.release();
    throw missed(store, probe);
  }
  if (needsMore(store, args, probe, wants)) return belowSlowly(store, call, args, d, probe, wants, false);
  if (wants.content >= probe.stat.size && probe.stat.isRegular) {
    const content = readContent(store, d.fd, args.loc.name, probe.stat.size);
    if (content instanceof Promise) {
      return content.then((bytes) => {
        d.release();
        return answer(probe, wants, bytes);
      });
    }
    d.release();
    return answer(probe, wants, content);
  }
  d.release();
  return answer(probe, wants, null);
}

/** The failure of a lookup that found nothing: an everyday answer. */
function missed(store: BrickDir, probe: EntryQuery): FopError {
  const { parent, name } = probe;
  if (store.log.debugs) store.log.debug(0, `lstat failed on ${gfidText(parent.gfid)}/${name}`, probe.errno);
  return new FopError(probe.errno, null, probe.parentStat);
}

function answer(probe: EntryQuery, wants: XattrWants, content: Uint8Array | null): LookupReply {
  if (content !== null) probe.found.dict?.setBytes(key.CONTENT, content);
  wants.wordsInto(probe.found, probe.inode, probe.stat);
  return { stat: probe.stat, postparent: probe.parentStat, xdata: probe.found.dict };
}

/** Whether the reply needs more than this query. */
function needsMore(store: BrickDir, args: LookupArgs, probe: EntryQuery, wants: XattrWants): boolean {
  if (probe.found.gfid === null) return true;
  if (args.xdata !== null && mayLackHandle(store, probe)) return true;
  if (args.xdata?.has(key.CLEAN_WRITE_PROTECTION) === true) return true;
  if (wants.words?.includes(key.ANCESTRY_PATH) === true) return true;
  return store.options['update-link-count-parent'] && !probe.stat.isDirectory;
}

async function belowSlowly(
  store: BrickDir,
  call: Call,
  args: LookupArgs,
  pinned: Directory,
  first: EntryQuery,
  wants: XattrWants,
  run: boolean,
): Promise<LookupReply> {
  let d = pinned;
  let probe = first;
  const { parent, name } = first;
  const priority = store.priority(call, Priority.high);
  try {
    if (run) await runOnPool(store, probe, priority, 0, call);
    if (probe.parentGone) {
      // Removed directly on the brick, and perhaps created again elsewhere with the same gfid.
      store.dirs.drop(d.key);
      const anew = await Promise.resolve(store.dirs.acquire(parent)).catch(stale);
      d.release();
      d = anew;
      probe = await new EntryQuery(store, d, parent, name, wants).run(priority);
      if (probe.parentGone) throw failure(ESTALE);
    }
    if (probe.errno !== 0) throw missed(store, probe);
    if (args.xdata !== null && (await heal(store, call, args, d, probe))) {
      probe = await new EntryQuery(store, d, parent, name, wants).run(priority);
      if (probe.errno !== 0) throw new FopError(probe.errno, null, probe.parentStat);
    }
    if (probe.found.gfid === null && (args.xdata?.number(key.GFIDLESS_LOOKUP) ?? 0) === 0) {
      store.log.error(0, `${gfidText(parent.gfid)}/${name} has no gfid`);
      throw new FopError(ENODATA, null, probe.parentStat);
    }
    const content =
      probe.stat.isRegular && wants.content >= probe.stat.size
        ? await readContent(store, d.fd, name, probe.stat.size)
        : null;
    const reply = answer(probe, wants, content);
    await extras(store, call, args, d, probe, wants);
    return reply;
  } finally {
    d.release();
  }
}

/** Side effects of lookups. */
async function extras(
  store: BrickDir,
  call: Call,
  args: LookupArgs,
  d: Directory,
  probe: EntryQuery,
  wants: XattrWants,
): Promise<void> {
  const { parent, name } = probe;
  if (args.xdata?.has(key.CLEAN_WRITE_PROTECTION) === true) {
    const b = batch();
    b.removexattr(d.fd, name, key.WRITE_PROTECTION);
    await store.run(b, probe.inode?.lane ?? 0, store.priority(call, Priority.high), call);
    b.release();
  }
  if (store.options['update-link-count-parent'] && !probe.stat.isDirectory) {
    await ensurePgfid(store, d.fd, name, parent.gfid, probe.found);
  }
  await pathWord(store, wants, probe.found, probe.stat);
}

/** Repairs a file: recreates its handle, or sets the gfid that the request names on a file without one. True if something was changed. */
async function heal(store: BrickDir, call: Call, args: LookupArgs, d: Directory, probe: EntryQuery): Promise<boolean> {
  const { parent, name } = probe;
  const { gfid } = probe.found;
  if (gfid !== null) {
    if (!(await lacksHandle(store, probe, store.priority(call, Priority.high)))) return false;
    return restoreHandle(store, d, parent, name, gfid, probe.stat.mode);
  }
  return args.loc.inode === null && giveGfid(store, call, args, d, probe);
}

/** Sets the gfid that the request names. ENOENT for a file so young that its creation may be in progress. */
async function giveGfid(
  store: BrickDir,
  call: Call,
  args: LookupArgs,
  d: Directory,
  probe: EntryQuery,
): Promise<boolean> {
  const { parent, name } = probe;
  const isDirectory = probe.stat.isDirectory;
  const ctime = store.options.ctime ? (probe.found.mdata?.ctime ?? 0) * 1000 : probe.diskCtime;
  if (Date.now() - ctime < FRESH_MS) throw new FopError(ENOENT, null, probe.parentStat);
  const gfid = gfidRequest(args.xdata);
  if (gfid === null || isNullGfid(gfid)) return false;
  if (isDirectory) refuseMisplaced(gfid, parent, name, isHeal(call, args.xdata));
  else refuseReserved(gfid);
  if (!(await isFreeFor(store, gfid, d, parent.gfid, name))) {
    store.log.warning(0, `${gfidText(parent.gfid)}/${name} can't have the gfid ${gfidText(gfid)}, which is in use`);
    return false;
  }
  const b = batch();
  b.setxattr(d.fd, name, GFID_KEY, gfid, XATTR_CREATE);
  store.handles.levelOps(b, gfid, true);
  if (isDirectory) store.handles.symlinkOp(b, parent.gfid, name, gfid, IGNORE);
  else store.handles.linkOp(b, d.fd, name, gfid, IGNORE);
  await store.run(b, parent.lane, Priority.normal);
  const errno = b.errno;
  b.release();
  if (errno === 0) store.handles.made(gfid);
  else store.log.warning(0, `setting the gfid ${gfidText(gfid)} of ${gfidText(parent.gfid)}/${name} failed`, errno);
  return errno === 0;
}
