/**
 * THE table of fops: all facts about every procedure of the fop program, one row each. Dispatch, statistics, queues,
 * QoS and metrics use it. Codecs (mux/fops/codecs.ts) and handlers (mux/fops/handlers.ts) are typed by its names: a fop
 * without one does not compile.
 */

import { defined } from '../../native/assert.js';
import type { FopName } from './fops.js';

/** The number of the fop program, whatever its version. */
export const FOP_PROGRAM = 1298437;
/** The version that is served: "GlusterFS 4.x v1". */
export const FOP_VERSION = 400;

/** Fops of translators, and the two that only mux knows. */
export type TableName = FopName | 'release' | 'releasedir';

/** Priority class by kind of fop, as io-threads has them (a fourth, least, goes by the caller). */
const FopPriority = { high: 0, normal: 1, low: 2 } as const;
export type FopPriorityClass = keyof typeof FopPriority;

/**
 * What the server must resolve before the fop is wound: `must` an existing inode, `not` a name that is still free, `may` a name
 * of either kind, `dontcare` the parent only, `exact` an inode for locking, `fd` an open (or anonymous) fd, `none` nothing.
 */
export type Resolution = 'must' | 'not' | 'may' | 'dontcare' | 'exact' | 'fd' | 'none';

/**
 * How rate limits count a fop: `free` ones are never delayed (locks, which others wait for, and fops that release something), the others
 * count as reading or as writing.
 */
export type Traffic = 'free' | 'read' | 'write';

export interface FopEntry {
  /** Procedure number on the wire. */
  readonly number: number;
  readonly name: TableName;
  /** As Gluster prints it in profiles, statedumps and logs. */
  readonly display: string;
  /** GF_FOP_*: the number in profile keys and in changelogs. */
  readonly internal: number;
  /** Where raw bytes follow the structure. */
  readonly payload: 'none' | 'request' | 'response';
  readonly priority: FopPriorityClass;
  /** Changes what is stored: data, names, attributes. Refused where a volume is read-only. */
  readonly changesData: boolean;
  /** A snapshot's barrier holds its acknowledgement (of a write only where the caller asked for a synchronous one). */
  readonly heldByBarrier: boolean;
  /** May wait for another client for as long as that likes: exempt from limits on outstanding requests. */
  readonly isLock: boolean;
  readonly resolution: Resolution;
  /** Operations that one call counts for where rates are limited. */
  readonly cost: number;
  /** Its CPU cost without its bytes, for measuring shares: a small cached read costs 1. */
  readonly work: number;
  /** Field of the request that tells the bytes moved, or null: then none count. */
  readonly costBytes: 'size' | 'len' | null;
  readonly traffic: Traffic;
}

interface Traits {
  payload?: 'request' | 'response';
  changes?: true;
  held?: true;
  lock?: true;
  cost?: number;
  work?: number;
  bytes?: 'size' | 'len';
  traffic?: 'free' | 'write';
}

/** CPU cost of fops relative to a small read, measured through libgfapi with six active clients. */
const WORK_OF_CHANGE = 1.5;
const WORK_OF_LOOK = 1.5;
const WORK_OF_LIST = 2;
const WORK_OF_ENTRY = 5;
const WORK_OF_RENAME = 7;
const WORK_OF_LOCK = 0.7;

const CHANGES: Traits = { changes: true };
const ENTRY: Traits = { changes: true, work: WORK_OF_ENTRY };
const HELD: Traits = { held: true };
const LOCK: Traits = { lock: true, work: WORK_OF_LOCK };
const FREE: Traits = { traffic: 'free', cost: 0, work: WORK_OF_LOCK };
const SYNC: Traits = { traffic: 'write' };

function row(
  number: number,
  name: TableName,
  display: string,
  internal: number,
  priority: FopPriorityClass,
  resolution: Resolution,
  traits: Traits = {},
): FopEntry {
  return {
    number,
    name,
    display,
    internal,
    payload: traits.payload ?? 'none',
    priority,
    changesData: traits.changes ?? false,
    heldByBarrier: traits.held ?? false,
    isLock: traits.lock ?? false,
    resolution,
    cost: traits.cost ?? 1,
    work: traits.work ?? (traits.changes ? WORK_OF_CHANGE : 1),
    costBytes: traits.bytes ?? null,
    traffic: traits.lock ? 'free' : (traits.traffic ?? (traits.changes ? 'write' : 'read')),
  };
}

/** In order of the wire's numbers. Not among them: COMPOUND (49) and PUT (55), which no server serves. */
export const FOPS: readonly FopEntry[] = [
  row(1, 'stat', 'STAT', 1, 'high', 'must'),
  row(2, 'readlink', 'READLINK', 2, 'high', 'must'),
  row(3, 'mknod', 'MKNOD', 3, 'normal', 'not', ENTRY),
  row(4, 'mkdir', 'MKDIR', 4, 'normal', 'not', ENTRY),
  row(5, 'unlink', 'UNLINK', 5, 'normal', 'must', { ...ENTRY, ...HELD }),
  row(6, 'rmdir', 'RMDIR', 6, 'normal', 'must', { ...ENTRY, ...HELD }),
  row(7, 'symlink', 'SYMLINK', 7, 'normal', 'not', ENTRY),
  row(8, 'rename', 'RENAME', 8, 'normal', 'may', {
    ...CHANGES,
    ...HELD,
    work: WORK_OF_RENAME,
  }),
  row(9, 'link', 'LINK', 9, 'normal', 'not', ENTRY),
  row(10, 'truncate', 'TRUNCATE', 10, 'low', 'must', { ...CHANGES, ...HELD }),
  row(11, 'open', 'OPEN', 11, 'high', 'must'),
  row(12, 'readv', 'READ', 12, 'low', 'fd', { payload: 'response', bytes: 'size' }),
  row(13, 'writev', 'WRITE', 13, 'low', 'fd', {
    payload: 'request',
    changes: true,
    held: true,
    bytes: 'size',
  }),
  row(14, 'statfs', 'STATFS', 14, 'high', 'must'),
  row(15, 'flush', 'FLUSH', 15, 'normal', 'fd', FREE),
  row(16, 'fsync', 'FSYNC', 16, 'low', 'fd', { ...SYNC, ...HELD }),
  row(17, 'setxattr', 'SETXATTR', 17, 'normal', 'must', CHANGES),
  row(18, 'getxattr', 'GETXATTR', 18, 'normal', 'must'),
  row(19, 'removexattr', 'REMOVEXATTR', 19, 'normal', 'must', { ...CHANGES, ...HELD }),
  row(20, 'opendir', 'OPENDIR', 20, 'high', 'must', { work: WORK_OF_LIST }),
  row(21, 'fsyncdir', 'FSYNCDIR', 21, 'low', 'fd', SYNC),
  row(22, 'access', 'ACCESS', 22, 'high', 'must'),
  row(23, 'create', 'CREATE', 23, 'normal', 'dontcare', ENTRY),
  row(24, 'ftruncate', 'FTRUNCATE', 24, 'low', 'fd', { ...CHANGES, ...HELD }),
  row(25, 'fstat', 'FSTAT', 25, 'high', 'fd'),
  row(26, 'lk', 'LK', 26, 'normal', 'fd', LOCK),
  row(27, 'lookup', 'LOOKUP', 27, 'high', 'dontcare', { work: WORK_OF_LOOK }),
  row(28, 'readdir', 'READDIR', 28, 'high', 'fd', { bytes: 'size', work: WORK_OF_LIST }),
  row(29, 'inodelk', 'INODELK', 29, 'normal', 'exact', LOCK),
  row(30, 'finodelk', 'FINODELK', 30, 'normal', 'fd', LOCK),
  row(31, 'entrylk', 'ENTRYLK', 31, 'normal', 'exact', LOCK),
  row(32, 'fentrylk', 'FENTRYLK', 32, 'normal', 'fd', LOCK),
  row(33, 'xattrop', 'XATTROP', 33, 'low', 'must', CHANGES),
  row(34, 'fxattrop', 'FXATTROP', 34, 'low', 'fd', CHANGES),
  row(35, 'fgetxattr', 'FGETXATTR', 35, 'normal', 'fd'),
  row(36, 'fsetxattr', 'FSETXATTR', 36, 'normal', 'fd', CHANGES),
  row(37, 'rchecksum', 'RCHECKSUM', 37, 'low', 'fd', { bytes: 'len' }),
  row(38, 'setattr', 'SETATTR', 38, 'normal', 'must', CHANGES),
  row(39, 'fsetattr', 'FSETATTR', 39, 'normal', 'fd', CHANGES),
  row(40, 'readdirp', 'READDIRP', 40, 'high', 'fd', {
    bytes: 'size',
    work: WORK_OF_LIST,
  }),
  row(41, 'release', 'RELEASE', 42, 'high', 'none', FREE),
  row(42, 'releasedir', 'RELEASEDIR', 43, 'high', 'none', FREE),
  row(43, 'fremovexattr', 'FREMOVEXATTR', 45, 'normal', 'fd', { ...CHANGES, ...HELD }),
  row(44, 'fallocate', 'FALLOCATE', 46, 'low', 'fd', CHANGES),
  row(45, 'discard', 'DISCARD', 47, 'low', 'fd', CHANGES),
  row(46, 'zerofill', 'ZEROFILL', 48, 'low', 'fd', { changes: true, bytes: 'size' }),
  row(47, 'ipc', 'IPC', 49, 'high', 'none', FREE),
  row(48, 'seek', 'SEEK', 50, 'low', 'fd'),
  row(50, 'lease', 'LEASE', 51, 'normal', 'must', FREE),
  row(51, 'getactivelk', 'GETACTIVELK', 53, 'high', 'must', FREE),
  row(52, 'setactivelk', 'SETACTIVELK', 54, 'high', 'must', FREE),
  row(53, 'icreate', 'ICREATE', 56, 'high', 'not', ENTRY),
  row(54, 'namelink', 'NAMELINK', 57, 'high', 'not', ENTRY),
  row(56, 'copyFileRange', 'COPY_FILE_RANGE', 58, 'low', 'fd', {
    changes: true,
    bytes: 'size',
  }),
];

const byNumber: (FopEntry | undefined)[] = [];
for (const fop of FOPS) byNumber[fop.number] = fop;

/** The fop of a procedure number; undefined when there is none. */
export function fopByNumber(number: number): FopEntry | undefined {
  return byNumber[number];
}

const byName = new Map<string, FopEntry>(FOPS.map((fop) => [fop.name, fop]));

/** The fop of a name. */
export function fopByName(name: TableName): FopEntry {
  return defined(byName.get(name), 'the table has every fop');
}

/** The fops that translators implement. */
export const FOP_NAMES: readonly FopName[] = FOPS.map((fop) => fop.name).filter(
  (name): name is FopName => name !== 'release' && name !== 'releasedir',
);

/** Size of an array that wire numbers index. */
export const FOP_NUMBERS = 57;
