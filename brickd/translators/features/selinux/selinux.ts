/**
 * features/selinux: stores clients' security labels under an xattr name of Gluster's own, separate from the brick's own
 * labels.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import type {
  DictReply,
  FgetxattrArgs,
  FsetxattrArgs,
  GetxattrArgs,
  MaybePromise,
  SetxattrArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator } from '../../../../mux/xlator/translator.js';
import type { Options } from './options.js';

const LABEL = 'security.selinux';
const STORED = 'trusted.glusterfs.selinux';

export class SelinuxTranslator extends Translator<Options> {
  /** Setting goes by the stored name whether or not the option is on, as in glusterfsd. */
  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    if (!args.dict.has(LABEL)) return this.next.setxattr(call, args);
    return this.next.setxattr(call, { ...args, dict: renamed(args.dict, LABEL, STORED) });
  }
  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    if (!args.dict.has(LABEL)) return this.next.fsetxattr(call, args);
    return this.next.fsetxattr(call, { ...args, dict: renamed(args.dict, LABEL, STORED) });
  }

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    if (args.name !== LABEL || !this.options.selinux) return this.next.getxattr(call, args);
    return then(this.next.getxattr(call, { ...args, name: STORED }), shown);
  }
  fgetxattr(call: Call, args: FgetxattrArgs): MaybePromise<DictReply> {
    if (args.name !== LABEL || !this.options.selinux) return this.next.fgetxattr(call, args);
    return then(this.next.fgetxattr(call, { ...args, name: STORED }), shown);
  }
}

const shown = (reply: DictReply): DictReply => ({
  ...reply,
  dict: reply.dict === null ? null : renamed(reply.dict, STORED, LABEL),
});

function renamed(dict: Dict, from: string, to: string): Dict {
  const copy = new Dict();
  for (const [key, value] of dict.map) copy.set(key === from ? to : key, value);
  return copy;
}
