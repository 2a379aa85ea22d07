/**
 * Lock counts that clients ask for in the xdata of any fop, and that its reply carries: replication uses them to see
 * whether others are at work on a file, and to shorten its own locking.
 */
import { Dict } from '../../../../mux/xlator/dict.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import type { InodeLocks } from './inode-locks.js';

const ENTRYLK_COUNT = 'glusterfs.entrylk-count';
const INODELK_COUNT = 'glusterfs.inodelk-count';
const POSIXLK_COUNT = 'glusterfs.posixlk-count';
const PARENT_ENTRYLK = 'glusterfs.parent-entrylk';
/** Its value names a domain; the answer has the key of {@link INODELK_COUNT}. */
const INODELK_DOM_COUNT = 'glusterfs.inodelk-dom-count';
const MULTI_DOM_REQUEST = 'glusterfs.multi-dom-lk-cnt-req';
/** Request keys `glusterfs.inodelk-dom-prefix:DOMAIN`, answered under the same names. */
const DOM_PREFIX = 'glusterfs.inodelk-dom-prefix';

export interface CountRequest {
  entry: boolean;
  inode: boolean;
  posix: boolean;
  parentEntry: boolean;
  domain: string | null;
  /** Keys of the form {@link DOM_PREFIX}. */
  domains: string[] | null;
}

const SINGLE_KEYS = [ENTRYLK_COUNT, INODELK_COUNT, POSIXLK_COUNT, PARENT_ENTRYLK, INODELK_DOM_COUNT, MULTI_DOM_REQUEST];

/** Whether {@link takeRequest} would find something. */
export function hasRequest(xdata: Dict | null): xdata is Dict {
  return xdata !== null && xdata.size > 0 && SINGLE_KEYS.some((key) => xdata.map.has(key));
}

/** What an xdata asks for; the request keys are taken out of it: they mean nothing to those below. Null: nothing. */
export function takeRequest(xdata: Dict | null): CountRequest | null {
  if (xdata === null || xdata.size === 0) return null;
  const { map } = xdata;
  const entry = map.delete(ENTRYLK_COUNT);
  const inode = map.delete(INODELK_COUNT);
  const posix = map.delete(POSIXLK_COUNT);
  const parentEntry = map.delete(PARENT_ENTRYLK);
  const multi = map.delete(MULTI_DOM_REQUEST);
  const domain = map.has(INODELK_DOM_COUNT) ? (xdata.text(INODELK_DOM_COUNT) ?? '') : null;
  if (!entry && !inode && !posix && !parentEntry && !multi && domain === null) return null;
  if (domain !== null) map.delete(INODELK_DOM_COUNT);
  let domains: string[] | null = null;
  if (multi) {
    domains = [...map.keys()].filter((key) => key.startsWith(DOM_PREFIX));
    for (const key of domains) map.delete(key);
  }
  return { entry, inode, posix, parentEntry, domain, domains };
}

type LocksOf = (inode: Inode) => InodeLocks | undefined;

/** Puts a count into a reply; `keepMax`: unless a higher one is there (fops with two directories). */
function put(xdata: Dict, key: string, count: number, keepMax: boolean): void {
  if (keepMax && (xdata.number(key) ?? -1) >= count) return;
  xdata.setInt(key, count);
}

/** Fills a reply's xdata with the counts of an inode. */
export function answer(request: CountRequest, locks: InodeLocks | undefined, xdata: Dict, keepMax = false): void {
  if (request.entry) put(xdata, ENTRYLK_COUNT, locks?.domains?.entryCount() ?? 0, keepMax);
  if (request.domain !== null) put(xdata, INODELK_COUNT, locks?.domains?.inodeCount(request.domain) ?? 0, keepMax);
  if (request.inode) put(xdata, INODELK_COUNT, locks?.domains?.inodeCount(null) ?? 0, keepMax);
  if (request.posix) put(xdata, POSIXLK_COUNT, locks?.posix?.count ?? 0, keepMax);
  if (request.domains !== null) {
    for (const key of request.domains) {
      const colon = key.indexOf(':');
      if (colon < 0 || colon === key.length - 1) continue;
      put(xdata, key, locks?.domains?.inodeCount(key.slice(colon + 1)) ?? 0, keepMax);
    }
  }
}

/** As {@link answer}, with the lock on the name in its directory: for lookups and directory entries. */
export function answerEntry(
  request: CountRequest,
  parent: Inode | null,
  name: string,
  inode: Inode | null | undefined,
  xdata: Dict,
  locksOf: LocksOf,
): void {
  if (request.parentEntry && parent !== null && name !== '') {
    xdata.setInt(PARENT_ENTRYLK, locksOf(parent)?.domains?.nameLocked(name) === true ? 1 : 0);
  }
  if (inode !== null && inode !== undefined) answer(request, locksOf(inode), xdata);
}

/** A reply's xdata to write to. */
export function writable(reply: { xdata: Dict | null }): Dict {
  return (reply.xdata ??= new Dict());
}
