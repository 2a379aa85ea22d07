/** Keeps clients away from what bit-rot detection stores and asks: also while it is off, as the xattrs stay. */
import { type Call, ClientPid } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { DictReply, FopName, LookupReply, Xdata } from '../../../../mux/xlator/fops.js';
import { LIST_XATTR } from '../../../../mux/xlator/xdata-keys.js';
import { EINVAL } from '../../../../native/errno.js';
import { copyDict } from '../../copy-dict.js';
import {
  BAD_FILE,
  GET_SIGNATURE,
  REOPEN_HINT,
  SET_SIGNATURE,
  SIGNATURE,
  SIGNATURE_SIZE,
  VERSION,
} from './xattr-formats.js';

const HIDDEN = [BAD_FILE, VERSION, SIGNATURE, SIGNATURE_SIZE];
const NOT_REMOVABLE: ReadonlySet<string> = new Set([BAD_FILE, SIGNATURE, VERSION]);
const NOT_SETTABLE = [SET_SIGNATURE, GET_SIGNATURE, REOPEN_HINT, BAD_FILE, SIGNATURE, VERSION];

/** Fops that these rules are about. */
export const WHILE_OFF: ReadonlySet<FopName> = new Set<FopName>([
  'lookup',
  'setxattr',
  'fsetxattr',
  'removexattr',
  'fremovexattr',
  'getxattr',
  'fgetxattr',
]);

/** One of the daemons, as far as it is to be believed. */
export const isDaemon = ({ privileged, pid }: Call): boolean =>
  privileged && (pid === ClientPid.bitd || pid === ClientPid.scrub);

export const setsInternal = (dict: Dict): boolean => NOT_SETTABLE.some((key) => dict.has(key));

export function refuseSetting(dict: Dict): void {
  if (setsInternal(dict)) throw failure(EINVAL);
}
export function refuseRemoving(name: string): void {
  if (NOT_REMOVABLE.has(name)) throw failure(EINVAL);
}
export function refuseReading(name: string): void {
  if (name.startsWith(VERSION) || name.startsWith(SIGNATURE)) throw failure(EINVAL);
}

/** A request's xdata without what it must not ask for. */
export function withoutHidden(xdata: Dict | null): Dict | null {
  if (xdata === null || !hasHidden(xdata)) return xdata;
  const copy = copyDict(xdata);
  hide(copy);
  return copy;
}

function hasHidden(dict: Dict): boolean {
  for (const key of HIDDEN) if (dict.has(key)) return true;
  return false;
}

/** Whether an answer may have xattrs in it that were not named. */
export const asksForAll = (xdata: Dict | null): boolean => xdata?.has(LIST_XATTR) === true;

export function hide(dict: Dict | null): void {
  if (dict !== null) for (const key of HIDDEN) dict.delete(key);
}

export function listed(reply: DictReply): DictReply {
  hide(reply.dict);
  return reply;
}

/** The same arguments with other xdata. */
export const asking = <A extends Xdata>(args: A, xdata: Dict | null): A =>
  xdata === args.xdata ? args : { ...args, xdata };

/** A lookup's answer as clients get it. */
export function shown(reply: LookupReply): LookupReply {
  hide(reply.xdata);
  return reply;
}
