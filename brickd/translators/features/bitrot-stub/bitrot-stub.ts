/** features/bitrot-stub while bit-rot detection is off: keeps clients away from the xattrs of versions and signatures. */
import { type Call, ClientPid } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type {
  DictReply,
  FgetxattrArgs,
  FremovexattrArgs,
  FsetxattrArgs,
  GetxattrArgs,
  LookupArgs,
  LookupReply,
  MaybePromise,
  RemovexattrArgs,
  SetxattrArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator } from '../../../../mux/xlator/translator.js';
import { EINVAL } from '../../../../native/errno.js';
import type { Options } from './options.js';

const VERSION = 'trusted.bit-rot.version';
const SIGNATURE = 'trusted.bit-rot.signature';
const BAD_FILE = 'trusted.bit-rot.bad-file';
/** Taken out of what clients get to see. */
const HIDDEN = [BAD_FILE, VERSION, SIGNATURE, 'trusted.glusterfs.bit-rot.size'];
const NOT_REMOVABLE = new Set([BAD_FILE, SIGNATURE, VERSION]);
const NOT_SETTABLE = [
  'trusted.glusterfs.set-signature',
  'trusted.glusterfs.get-signature',
  'trusted.glusterfs.bit-rot.reopen-hint',
  BAD_FILE,
  SIGNATURE,
  VERSION,
];
/** Asks a look-up for every xattr. */
const LIST_XATTR = 'list-xattr';

const isInternal = (name: string): boolean => name.startsWith(VERSION) || name.startsWith(SIGNATURE);
const setsInternal = (dict: Dict): boolean => NOT_SETTABLE.some((key) => dict.has(key));

export class BitrotStubTranslator extends Translator<Options> {
  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const { xdata } = args;
    if (xdata === null) return this.next.lookup(call, args);
    hide(xdata);
    if (!xdata.has(LIST_XATTR)) return this.next.lookup(call, args);
    return then(this.next.lookup(call, args), (reply) => {
      hide(reply.xdata);
      return reply;
    });
  }

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    if (setsInternal(args.dict)) throw failure(EINVAL);
    return this.next.setxattr(call, args);
  }
  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    const trusted = call.pid === ClientPid.bitd || call.pid === ClientPid.scrub;
    if (!trusted && setsInternal(args.dict)) throw failure(EINVAL);
    return this.next.fsetxattr(call, args);
  }

  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    if (NOT_REMOVABLE.has(args.name)) throw failure(EINVAL);
    return this.next.removexattr(call, args);
  }
  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    if (NOT_REMOVABLE.has(args.name)) throw failure(EINVAL);
    return this.next.fremovexattr(call, args);
  }

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    if (args.name === '') return then(this.next.getxattr(call, args), listed);
    if (isInternal(args.name)) throw failure(EINVAL);
    return this.next.getxattr(call, args);
  }
  fgetxattr(call: Call, args: FgetxattrArgs): MaybePromise<DictReply> {
    if (args.name === '') return then(this.next.fgetxattr(call, args), listed);
    if (isInternal(args.name)) throw failure(EINVAL);
    return this.next.fgetxattr(call, args);
  }
}

function hide(dict: Dict | null): void {
  if (dict !== null) for (const key of HIDDEN) dict.delete(key);
}

function listed(reply: DictReply): DictReply {
  hide(reply.dict);
  return reply;
}
