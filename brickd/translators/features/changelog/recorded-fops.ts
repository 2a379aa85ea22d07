/** How each fop is recorded: on which file and with which fields. Consumers expect exactly what GlusterFS writes. */
import { type Call, ClientPid } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import { isEntryName } from '../../../../mux/xlator/entry-name.js';
import { fopByName } from '../../../../mux/xlator/fop-table.js';
import type * as F from '../../../../mux/xlator/fops.js';
import { type Gfid, gfidKey, parseGfid } from '../../../../mux/xlator/gfid.js';
import { directoryOf, type Inode } from '../../../../mux/xlator/inode.js';
import { GFID_REQ, INTERNAL_FOP } from '../../../../mux/xlator/xdata-keys.js';
import { defined } from '../../../../native/assert.js';
import { S_IFDIR, S_IFREG } from '../../../../native/linux.js';
import type { Journal } from './journal.js';
import { Letter, type RecordWriter } from './records.js';

/** Of a rename, or of an unlink that a rename makes: the names before and after it over all bricks. Distribution sends it. */
const RENAME_NAMES = 'changelog.rename-op';
const SHARD_SIZE = 'trusted.glusterfs.shard.file-size';
const TIER_LINK = 'trusted.tier.tier-dht.linkto';
/** Sharding's folder: its attributes are nobody's business. */
const SHARD_KEY = gfidKey(defined(parseGfid('be318638-e8a0-4c6d-977d-7a937aa84806'), 'a constant gfid is well-formed'));

/** What a slice has of an inode at most once. Metadata proper, and xattrs, count apart. */
export type Mark = 'data' | 'metadata' | 'xattrs';

/** The slices that last recorded a change of an inode. */
export class SliceMarks {
  data = 0;
  metadata = 0;
  xattrs = 0;
  /** The set of records that the last one of them is in. */
  set = 0;
}

const numberOf = (name: Parameters<typeof fopByName>[0]): number => fopByName(name).internal;
const FOP = {
  create: numberOf('create'),
  mkdir: numberOf('mkdir'),
  mknod: numberOf('mknod'),
  symlink: numberOf('symlink'),
  link: numberOf('link'),
  unlink: numberOf('unlink'),
  rmdir: numberOf('rmdir'),
  rename: numberOf('rename'),
} as const;

/** Rebalance moves what it finds: no change of the volume's. */
export function isExcluded(call: Call): boolean {
  return call.pid < 0 && (call.pid === ClientPid.defrag || call.pid === ClientPid.tier);
}

/** Made by some client's translator for itself; what self-heal makes is recorded. */
export function isInternal(call: Call, xdata: Dict | null): boolean {
  return xdata !== null && call.pid !== ClientPid.selfHeald && xdata.has(INTERNAL_FOP);
}

export const hasGfid = (xdata: Dict | null): boolean => xdata?.bytes(GFID_REQ)?.length === 16;

export function isRecordedMknod(call: Call, xdata: Dict | null): boolean {
  if (call.pid === ClientPid.defrag || !hasGfid(xdata)) return false;
  if (xdata?.has(TIER_LINK) === true) return true;
  return !isInternal(call, xdata) && call.pid !== ClientPid.tier;
}

export const isShardFolder = (inode: Inode): boolean => inode.key === SHARD_KEY;
export const setsShardSize = (dict: Dict): boolean => dict.has(SHARD_SIZE);

// --- entries ----------------------------------------------------------------------------------------------------------

/** Mode, owner and name of what was made. */
function made(record: RecordWriter, call: Call, mode: number, loc: F.LocArgs['loc']): void {
  record.number(mode).number(call.uid).number(call.gid).entry(directoryOf(loc).gfid, loc.name).end();
}

export function recordCreate(journal: Journal, call: Call, args: F.CreateArgs, gfid: Gfid): void {
  made(journal.begin(Letter.entry, gfid).number(FOP.create), call, args.mode, args.loc);
}
export function recordMkdir(journal: Journal, call: Call, args: F.MkdirArgs, gfid: Gfid): void {
  made(journal.begin(Letter.entry, gfid).number(FOP.mkdir), call, S_IFDIR | args.mode, args.loc);
}
export function recordMknod(journal: Journal, call: Call, args: F.MknodArgs, gfid: Gfid): void {
  made(journal.begin(Letter.entry, gfid).number(FOP.mknod), call, args.mode, args.loc);
}
export function recordSymlink(journal: Journal, args: F.SymlinkArgs, gfid: Gfid): void {
  const { loc } = args;
  journal.begin(Letter.entry, gfid).number(FOP.symlink).entry(directoryOf(loc).gfid, loc.name).end();
}
export function recordLink(journal: Journal, args: F.LinkArgs): void {
  const { inode, newLoc } = args;
  journal.begin(Letter.entry, inode.gfid).number(FOP.link).entry(directoryOf(newLoc).gfid, newLoc.name).end();
}

/** path: of what was removed; '' if it is not to be recorded. */
export function recordRemoval(journal: Journal, fop: 'unlink' | 'rmdir', loc: F.LocArgs['loc'], path: string): void {
  const { gfid } = defined(loc.inode, 'what is removed was looked up');
  journal.begin(Letter.entry, gfid).number(FOP[fop]).entry(directoryOf(loc).gfid, loc.name).path(path).end();
}

export interface RenameNames {
  oldParent: Gfid;
  oldName: string;
  newParent: Gfid;
  newName: string;
}

export function recordRename(journal: Journal, gfid: Gfid, names: RenameNames): void {
  const { oldParent, oldName, newParent, newName } = names;
  journal.begin(Letter.entry, gfid).number(FOP.rename).entry(oldParent, oldName).entry(newParent, newName).end();
}

/** Whether a rename is the one to be recorded: distribution marks it; of directories all bricks are told. */
export function isRecordedRename(args: F.RenameArgs): boolean {
  return args.oldLoc.inode?.type === S_IFDIR || args.xdata?.has(RENAME_NAMES) === true;
}

/** The rename that an unlink belongs to; null if there is none. Two gfids, two lengths with the NUL, two names. */
export function renameOf(xdata: Dict | null): RenameNames | null {
  const value = xdata?.bytes(RENAME_NAMES);
  if (value === undefined || value.length < 40) return null;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const oldLength = bytes.readInt32LE(32);
  const newLength = bytes.readInt32LE(36);
  if (oldLength < 1 || newLength < 1 || 40 + oldLength + newLength > bytes.length) return null;
  const oldName = cText(bytes, 40, oldLength);
  const newName = cText(bytes, 40 + oldLength, newLength);
  if (!isEntryName(oldName) || !isEntryName(newName)) return null;
  return {
    oldParent: Uint8Array.from(bytes.subarray(0, 16)),
    newParent: Uint8Array.from(bytes.subarray(16, 32)),
    oldName,
    newName,
  };
}

function cText(bytes: Buffer, at: number, length: number): string {
  const text = bytes.latin1Slice(at, at + length);
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

/** Has consumers take a file or directory for new, for geo-replication to send it once more. False: its name is not known. */
export function recordAsNew(journal: Journal, call: Call, inode: Inode): boolean {
  if (inode.parent === null) return false;
  const directory = inode.type === S_IFDIR;
  journal
    .begin(Letter.entry, inode.gfid)
    .number(directory ? FOP.mkdir : FOP.create)
    .number(directory ? S_IFDIR | 0o755 : S_IFREG | 0o644)
    .number(call.uid)
    .number(call.gid)
    .entry(inode.parent.gfid, inode.name)
    .end();
  return true;
}
