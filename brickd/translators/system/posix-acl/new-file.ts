/** What a new file inherits from its request and its directory: mode, umask and ACLs. */
import type { Xdata } from '../../../../mux/xlator/fops.js';
import { copyDict } from '../../copy-dict.js';
import { ACCESS_KEY, type Acl, DEFAULT_KEY, encodeAcl, inherit } from './acl.js';

/** The request as it is wound, and the ACLs that the file has then. */
export interface Inherited<A> {
  args: A;
  access: Acl | null;
  default: Acl | null;
}

/** parentDefault: the default ACL of the directory. isDirectory: a directory is made, which passes it on. */
export function inheritFrom<A extends { mode: number; umask: number } & Xdata>(
  parentDefault: Acl | null,
  args: A,
  isDirectory: boolean,
): Inherited<A> {
  const { mode: wished, umask } = wishedMode(args);
  if (parentDefault === null) return { args: { ...args, mode: wished & ~umask }, access: null, default: null };
  // With an ACL to inherit, the umask does not count.
  const { access, mode } = inherit(parentDefault, wished);
  const xdata = copyDict(args.xdata).setBytes(ACCESS_KEY, encodeAcl(access));
  if (isDirectory) xdata.setBytes(DEFAULT_KEY, encodeAcl(parentDefault));
  return { args: { ...args, mode, xdata }, access, default: isDirectory ? parentDefault : null };
}

/** Mode and umask of a new file; old clients put both into the xdata, having applied the umask to the mode already. */
function wishedMode(args: { mode: number; umask: number } & Xdata): { mode: number; umask: number } {
  const { xdata } = args;
  const umask = xdata?.number('umask');
  if (xdata === null || umask === undefined) return args;
  xdata.delete('umask');
  const mode = xdata.number('mode');
  if (mode === undefined) return { mode: args.mode, umask };
  xdata.delete('mode');
  return { mode, umask };
}
