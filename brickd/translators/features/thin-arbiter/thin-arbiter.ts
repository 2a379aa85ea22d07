/**
 * features/thin-arbiter: the tie-breaker of two-way replicas. It holds a small file for each pair, whose xattrs say
 * which of the two copies is bad, and prevents both from being marked bad: a client that asks for that has missed the
 * other mark.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict, valueBytes } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { DictReply, FopName, FxattropArgs, XattropArgs } from '../../../../mux/xlator/fops.js';
import { intercept } from '../../../../mux/xlator/intercept.js';
import { Translator } from '../../../../mux/xlator/translator.js';
import { EINVAL } from '../../../../native/errno.js';
import type { Options } from './options.js';

/** There is no data here and nothing to see: clients look the file up, make it, lock it and use its xattrs. As in glusterfsd. */
const REFUSED = [
  'stat',
  'fstat',
  'truncate',
  'ftruncate',
  'access',
  'readlink',
  'mknod',
  'mkdir',
  'unlink',
  'rmdir',
  'symlink',
  'rename',
  'link',
  'open',
  'readv',
  'writev',
  'flush',
  'fsync',
  'opendir',
  'readdir',
  'readdirp',
  'fsyncdir',
  'statfs',
  'setxattr',
  'getxattr',
  'fsetxattr',
  'fgetxattr',
  'removexattr',
  'fremovexattr',
  'lk',
  'entrylk',
  'fentrylk',
  'setattr',
  'fsetattr',
  'fallocate',
  'discard',
  'zerofill',
  'seek',
] as const satisfies readonly FopName[];

export class ThinArbiterTranslator extends Translator<Options> {
  async xattrop(call: Call, args: XattropArgs): Promise<DictReply> {
    const found = await this.next.xattrop(call, { ...args, dict: nothingOf(args.dict) });
    refuseTwoBad(args.dict, found.dict);
    return this.next.xattrop(call, { ...args, xdata: null });
  }
  async fxattrop(call: Call, args: FxattropArgs): Promise<DictReply> {
    const found = await this.next.fxattrop(call, { ...args, dict: nothingOf(args.dict) });
    refuseTwoBad(args.dict, found.dict);
    return this.next.fxattrop(call, { ...args, xdata: null });
  }
}

intercept(ThinArbiterTranslator, REFUSED, () => () => {
  throw failure(EINVAL);
});

/** An xattrop that adds nothing returns the current value. */
function nothingOf(dict: Dict): Dict {
  const zeros = new Dict();
  for (const [key, value] of dict.map) zeros.setBytes(key, new Uint8Array(valueBytes(value)?.length ?? 0));
  return zeros;
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((b) => b === 0);

/** EINVAL where more than one copy would be bad after it, or where the two dictionaries don't match. */
function refuseTwoBad(asked: Dict, found: Dict | null): void {
  let bad = 0;
  for (const [key, value] of found?.map ?? []) {
    const here = valueBytes(value);
    const more = asked.bytes(key);
    if (here === undefined || more === undefined || here.length !== more.length) throw failure(EINVAL);
    if (!isZero(here) || !isZero(more)) bad++;
  }
  if (bad > 1) throw failure(EINVAL);
}
