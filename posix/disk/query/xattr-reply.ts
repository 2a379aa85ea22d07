/**
 * The xattrs that a request asks for along with a file's attributes (lookup, readdirp, stat ...). Each key of its xdata
 * is either a special key or a pattern for names of xattrs on disk. One op reads all that match, together with what
 * posix itself needs: gfid and time record.
 */

import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { Gfid } from '../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../mux/xlator/iatt.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import type { Batch } from '../../../native/batch.js';
import { E2BIG, ERANGE } from '../../../native/errno.js';
import { XATTR_HEAD } from '../../../native/layout.js';
import { type Region, region } from '../../../native/memory.js';
import { fnmatch, isPattern, literal } from '../../../volfiles/fnmatch.js';
import { aclToText, modeToAclText } from '../format/acl-text.js';
import { decodeMdata, MDATA_KEY, type Mdata } from '../format/mdata-record.js';
import { GFID_KEY, GFID2PATH_PREFIX, VOLUME_ID_KEY } from '../format/xattr-keys.js';

/** Bytes for the answer at first: enough for all but unusual files. */
const ROOM = 1024;
/** Larger files are never handed out whole, whatever the request says. */
const MOST_CONTENT = 4 << 20;
/** Names without wildcards that are asked for one by one: with more, all xattrs are read and picked from. */
const MOST_NAMES = 64;
/** Wildcards and special keys of one request; Gluster's clients send a handful. */
const MOST_WILDCARDS = 32;
const MOST_WORDS = 64;
/** Quota's record of what a directory contributes to its parents. */
const CONTRIBUTIONS = 'trusted.*.*.contri';
/** Xattrs that `list-xattr` leaves out. */
const UNLISTED = ['trusted.glusterfs.quota.*', 'trusted.glusterfs.*.xtime'];
const UNLISTED_GEOREP = [
  '*.glusterfs.*.stime',
  '*.glusterfs.*.xtime',
  '*.glusterfs.lockinfo',
  '*.glusterfs.*.entry_stime',
  '*.glusterfs.volume-mark.*',
];

/** Walks an xattr run, as ops of a batch write it. */
export function eachXattr(
  b: Buffer,
  at: number,
  length: number,
  take: (key: string, at: number, length: number) => void,
): void {
  const end = at + length;
  while (at + XATTR_HEAD.bytes <= end) {
    const keyLength = b.readUInt32LE(at + XATTR_HEAD.keyBytesAt);
    const valueLength = b.readUInt32LE(at + XATTR_HEAD.valueBytesAt);
    const keyAt = at + XATTR_HEAD.bytes;
    const valueAt = keyAt + keyLength;
    take(b.latin1Slice(keyAt, valueAt), valueAt, valueLength);
    at = valueAt + valueLength;
  }
}

/** Whether a listing of a file's xattrs leaves one out. */
function unlisted(name: string): boolean {
  return (
    name === GFID_KEY ||
    name === VOLUME_ID_KEY ||
    name === 'security.selinux' ||
    name.startsWith(GFID2PATH_PREFIX) ||
    UNLISTED.some((p) => fnmatch(p, name)) ||
    UNLISTED_GEOREP.some((p) => fnmatch(p, name))
  );
}

/** What one request asks for in its xdata; reusable for many files (readdirp). */
export class XattrWants {
  /** Pattern list for the op: what the request asks for and what posix needs. */
  readonly patterns: string;
  readonly #exact = new Set<string>();
  readonly #wild = new Set<string>();
  readonly #list: boolean;
  /** Special keys of the request; null if there are none. */
  readonly #words: string[] | null;
  readonly xdata: Dict | null;

  /** own: further xattr names that the caller wants to see in {@link XattrFound}. Fails with E2BIG for far too many patterns. */
  constructor(xdata: Dict | null, own: readonly string[] = []) {
    this.xdata = xdata;
    const needed = [GFID_KEY, MDATA_KEY, ...own];
    let words: string[] | null = null;
    let list = false;
    if (xdata !== null) {
      for (const name of xdata.map.keys()) {
        if (key.IGNORED.has(name)) continue;
        if (name === key.LIST_XATTR) {
          list = true;
        } else if (isWord(name)) {
          (words ??= []).push(name);
          if (name.startsWith(key.ACL_ACCESS_TEXT)) needed.push(key.ACL_ACCESS_XATTR);
          if (name.startsWith(key.ACL_DEFAULT_TEXT)) needed.push(key.ACL_DEFAULT_XATTR);
          if (words.length > MOST_WORDS) throw failure(E2BIG);
        } else {
          this.#wantPattern(name);
        }
      }
    }
    this.#words = words;
    this.#list = list;
    this.patterns =
      list || this.#exact.size > MOST_NAMES
        ? ''
        : [...needed, ...[...this.#exact].map(literal), ...this.#wild].join('\0');
  }

  #wantPattern(name: string): void {
    if (isContribution(name)) this.#wild.add(CONTRIBUTIONS);
    else if (isPattern(name)) this.#wild.add(name);
    else if (key.isDiskXattr(name)) this.#exact.add(name);
    if (this.#wild.size > MOST_WILDCARDS) throw failure(E2BIG);
  }

  /** Whether a key is a special one, whose value {@link wordsInto} sets. */
  get words(): readonly string[] | null {
    return this.#words;
  }

  /** Most bytes of content that the request takes with a regular file, or -1 when it asks for none. */
  get content(): number {
    if (this.xdata === null || this.#words?.includes(key.CONTENT) !== true) return -1;
    return Math.min(this.xdata.number(key.CONTENT) ?? -1, MOST_CONTENT);
  }

  wantsXattr(name: string): boolean {
    if (!key.isDiskXattr(name)) return false;
    if (this.#exact.has(name)) return true;
    for (const pattern of this.#wild) if (fnmatch(pattern, name)) return true;
    return this.#list && !unlisted(name);
  }

  /** Reads a run of xattrs: those asked for go into a dictionary (null when the request has no xdata). */
  read(b: Buffer, at: number, length: number): XattrFound {
    const found = new XattrFound(this.xdata === null ? null : new Dict());
    eachXattr(b, at, length, (name, valueAt, valueLength) => {
      if (name === GFID_KEY) {
        if (valueLength === 16) found.gfid = Uint8Array.prototype.slice.call(b, valueAt, valueAt + 16);
      } else if (name === MDATA_KEY) {
        found.mdata = decodeMdata(b, valueAt, valueLength);
      } else if (name === key.ACL_ACCESS_XATTR) {
        found.aclAccess = Uint8Array.prototype.slice.call(b, valueAt, valueAt + valueLength);
      } else if (name === key.ACL_DEFAULT_XATTR) {
        found.aclDefault = Uint8Array.prototype.slice.call(b, valueAt, valueAt + valueLength);
      }
      if (found.dict !== null && this.wantsXattr(name)) {
        found.dict.setBytes(name, Uint8Array.prototype.slice.call(b, valueAt, valueAt + valueLength));
      } else {
        found.others.push(name);
      }
    });
    return found;
  }

  /** Sets the values of special keys that are known without reading more. Contents and paths have readers of their own. */
  wordsInto(found: XattrFound, inode: Inode | null, stat: Iatt): void {
    const dict = found.dict;
    if (dict === null || this.#words === null) return;
    for (const word of this.#words) {
      if (word === key.OPEN_FD_COUNT || word === key.ACTIVE_FD_COUNT) {
        if (inode !== null) dict.setUint(word, inode.fdCount);
      } else if (word === key.REQUEST_LINK_COUNT) {
        const asked = this.xdata?.get(word);
        if (asked !== undefined) dict.set(word, asked);
      } else if (word === key.GET_SIZE) {
        if (stat.isRegular) dict.setUint(word, stat.size);
      } else if (key.isAclText(word)) {
        const text = aclText(word, found, stat);
        if (text !== null) dict.setText(word, text);
      }
    }
  }
}

function isContribution(name: string): boolean {
  return (
    name.startsWith('trusted.') && name.split('.', 4)[3]?.startsWith('contri') === true && fnmatch(CONTRIBUTIONS, name)
  );
}

function isWord(name: string): boolean {
  return (
    name === key.CONTENT ||
    name === key.OPEN_FD_COUNT ||
    name === key.ACTIVE_FD_COUNT ||
    name === key.ANCESTRY_PATH ||
    name === key.REQUEST_LINK_COUNT ||
    name === key.GET_SIZE ||
    key.isAclText(name)
  );
}

function aclText(word: string, found: XattrFound, stat: Iatt): string | null {
  if (stat.isLink) return null;
  if (word.startsWith(key.ACL_DEFAULT_TEXT)) {
    if (!stat.isDirectory) return null;
    return found.aclDefault === null ? '' : aclToText(found.aclDefault);
  }
  return found.aclAccess === null ? modeToAclText(stat.mode) : aclToText(found.aclAccess);
}

/** The xattrs found on one file. */
export class XattrFound {
  /** trusted.gfid; null when there is none of 16 bytes. */
  gfid: Gfid | null = null;
  /** The time record on disk. */
  mdata: Mdata | null = null;
  aclAccess: Uint8Array | null = null;
  aclDefault: Uint8Array | null = null;
  /** Names that were read but not asked for. */
  readonly others: string[] = [];
  /** The answer to the request; null when it had no xdata. */
  dict: Dict | null;

  constructor(dict: Dict | null) {
    this.dict = dict;
  }
}

/** Room for the answer of one xattrs op: in the batch's own memory, or in a region once that has proved too small. */
export class XattrRoom {
  #bytes = ROOM;
  #at = 0;
  #region: Region | null = null;

  /** Reserves the room. Before any text goes into the batch: the room must fit, texts find place elsewhere. */
  reserve(b: Batch): void {
    this.#at = this.#region !== null ? this.#region.address : b.out(this.#bytes);
  }

  op(b: Batch, wants: XattrWants, dir: number, name: string | null, flags = 0): number {
    return b.xattrs(dir, name, wants.patterns, this.#at, this.#bytes, flags);
  }

  /** True when the op failed for want of room: the batch is to be run again, with more now. */
  grow(result: number): boolean {
    if (result !== -ERANGE) return false;
    this.release();
    this.#bytes = this.#bytes < 65536 ? 65536 : this.#bytes * 4;
    this.#region = region(this.#bytes);
    return true;
  }

  read(b: Batch, wants: XattrWants, result: number): XattrFound {
    if (result <= 0) return new XattrFound(wants.xdata === null ? null : new Dict());
    if (this.#region !== null) return wants.read(this.#region.bytes, 0, result);
    return wants.read(b.bytes, this.#at - b.address, result);
  }

  release(): void {
    this.#region?.release();
    this.#region = null;
  }
}
