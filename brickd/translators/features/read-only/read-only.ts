/** features/read-only: refuses changes with EROFS. Gluster's internal clients may go on healing. */
import type { Call } from '../../../../posix/contract/call.js';
import type { Dict } from '../../../../posix/contract/dict.js';
import { valueBytes } from '../../../../posix/contract/dict.js';
import { EROFS } from '../../../../posix/contract/errno.js';
import { failure } from '../../../../posix/contract/error.js';
import type {
  DictReply,
  FopName,
  FxattropArgs,
  MaybePromise,
  OpenArgs,
  XattropArgs,
  Xdata,
} from '../../../../posix/contract/fops.js';
import { Translator } from '../../../../posix/contract/translator.js';
import type { Options } from './options.js';

/** What is refused whatever its arguments. discard, zerofill and fremovexattr are not among them, as in the original. */
const REFUSED = [
  'mknod',
  'mkdir',
  'unlink',
  'rmdir',
  'symlink',
  'rename',
  'link',
  'truncate',
  'ftruncate',
  'create',
  'writev',
  'setxattr',
  'fsetxattr',
  'removexattr',
  'setattr',
  'fsetattr',
  'fallocate',
  'fsyncdir',
] as const satisfies readonly FopName[];

const O_ACCMODE = 3;

export class ReadOnlyTranslator extends Translator<Options> {
  override wants(_fop: FopName): boolean {
    return this.options['read-only'];
  }

  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    if ((args.flags & O_ACCMODE) !== 0) refuse(call);
    return this.next.open(call, args);
  }

  /** Adding nothing reads values: replication asks for them so. */
  xattrop(call: Call, args: XattropArgs): MaybePromise<DictReply> {
    if (!allZero(args.dict)) refuse(call);
    return this.next.xattrop(call, args);
  }
  fxattrop(call: Call, args: FxattropArgs): MaybePromise<DictReply> {
    if (!allZero(args.dict)) refuse(call);
    return this.next.fxattrop(call, args);
  }
}

function refuse(call: Call): void {
  if (call.pid >= 0) throw failure(EROFS);
}

export function allZero(dict: Dict): boolean {
  for (const value of dict.map.values()) {
    const bytes = valueBytes(value);
    if (bytes?.some((byte) => byte !== 0) === true) return false;
  }
  return true;
}

type AnyFop = (call: Call, args: never) => MaybePromise<Xdata>;
type Method = (this: ReadOnlyTranslator, call: Call, args: never) => MaybePromise<Xdata>;
const methods = ReadOnlyTranslator.prototype as unknown as Record<string, Method>;
for (const name of REFUSED) {
  methods[name] = function (call, args) {
    refuse(call);
    return (this.next[name] as AnyFop)(call, args);
  };
}
