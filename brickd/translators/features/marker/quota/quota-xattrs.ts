/** Names of quota's xattrs. All but the dirty flag end with the version: each time that quota is enabled has its own. */
import { type Gfid, gfidKey, gfidText, parseGfid } from '../../../../../mux/xlator/gfid.js';

export const QUOTA_PREFIX = 'trusted.glusterfs.quota.';
/** How many links a file has in a directory: kept by posix where quota is on. */
export const PGFID_PREFIX = 'trusted.pgfid.';
/** Under which a file has the number of its names in a directory. */
export const linksKey = (directory: Gfid): string => `${PGFID_PREFIX}${gfidText(directory)}`;
/** Directory and name of each link of a file. */
export const GFID2PATH_PREFIX = 'trusted.gfid2path.';
export const SIZE = 'trusted.glusterfs.quota.size';
const LIMIT = 'trusted.glusterfs.quota.limit-set';
const LIMIT_OBJECTS = 'trusted.glusterfs.quota.limit-objects';
/** 1 while the recorded usage of a directory may differ from the sum of its entries. */
export const DIRTY = 'trusted.glusterfs.quota.dirty';
/** Set to have quota's xattrs removed from a file. */
export const CLEANUP = 'glusterfs.quota-xattr-cleanup';
/** A link or removal that leaves what directories hold as it is: distribute makes and removes names of one file in one directory. */
export const DONT_ACCOUNT = 'glusters.marker.dont-account';

const CONTRIBUTION = '.contri';
const GFID_LENGTH = 36;

/** Names that clients and quotad use without the version. */
const EXTERNAL: readonly string[] = [SIZE, LIMIT, LIMIT_OBJECTS];

export class QuotaNames {
  readonly size: string;
  /** Pattern of all contributions. */
  readonly contributions: string;
  /** What clients call an xattr, and its name on disk. Empty where these are the same. */
  readonly external: readonly [name: string, stored: string][];
  readonly #suffix: string;
  readonly #tail: string;

  constructor(version: number) {
    this.#suffix = version > 0 ? `.${version}` : '';
    this.#tail = CONTRIBUTION + this.#suffix;
    this.size = SIZE + this.#suffix;
    this.contributions = `${QUOTA_PREFIX}*${this.#tail}`;
    this.external = this.#suffix === '' ? [] : EXTERNAL.map((name) => [name, name + this.#suffix]);
  }

  /** What a file gives to that directory. */
  contribution(parent: Gfid): string {
    return QUOTA_PREFIX + gfidText(parent) + this.#tail;
  }

  /** Key of the directory that a contribution is for; null for any other name. */
  directoryOf(name: string): string | null {
    if (name.length !== QUOTA_PREFIX.length + GFID_LENGTH + this.#tail.length) return null;
    if (!name.startsWith(QUOTA_PREFIX) || !name.endsWith(this.#tail)) return null;
    const gfid = parseGfid(name.slice(QUOTA_PREFIX.length, -this.#tail.length));
    return gfid === null ? null : gfidKey(gfid);
  }

  /** Whether a name is of this version, which must have one. */
  isCurrent(name: string): boolean {
    return this.#suffix !== '' && name.endsWith(this.#suffix);
  }
}

/** Xattrs that clients do not see: quota's own, and the links that posix counts for it. external: quota is on, and those that clients use are shown. */
export function isInternal(name: string, external: boolean): boolean {
  if (name.startsWith(PGFID_PREFIX)) return true;
  return name.startsWith('trusted.glusterfs.quota') && !(external && EXTERNAL.includes(name));
}
