/** Finds out from xattr names which requests set, remove or carry ACLs. */
import type { Dict } from '../../../../mux/xlator/dict.js';
import type { Xdata } from '../../../../mux/xlator/fops.js';
import { isAclText, SYNC_XATTRS } from '../../../../mux/xlator/xdata-keys.js';
import { copyDict } from '../../copy-dict.js';
import { ACCESS_KEY, DEFAULT_KEY } from './acl.js';

/** Names under which ACLs are set: binary, and as text for gfapi (every name that begins as the two do). */
export const isAclKey = (name: string): boolean => name === ACCESS_KEY || name === DEFAULT_KEY || isAclText(name);

function mentionsAcl(dict: Dict): boolean {
  for (const name of dict.map.keys()) if (isAclKey(name)) return true;
  return false;
}

/** A SETXATTR that changes ACLs: it sets some, or removes (healing) those that it doesn't set. */
export function setsAcl(args: { dict: Dict } & Xdata): boolean {
  return mentionsAcl(args.dict) || args.xdata?.has(SYNC_XATTRS) === true;
}

/** A REMOVEXATTR without a name takes the names from its xdata. */
export function removesAcl(args: { name: string } & Xdata): boolean {
  return isAclKey(args.name) || (args.name === '' && args.xdata !== null && mentionsAcl(args.xdata));
}

/** The request with the keys by which ACLs come along in the reply. */
export function withAclKeys(xdata: Dict | null): Dict {
  return copyDict(xdata).setInt(ACCESS_KEY, 0).setInt(DEFAULT_KEY, 0);
}
