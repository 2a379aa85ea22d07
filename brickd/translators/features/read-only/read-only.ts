/**
 * features/read-only: refuses with EROFS all fops that the table says change something. Gluster's internal clients may go on
 * healing. (glusterfsd lets some through: DISCARD, ZEROFILL, FREMOVEXATTR, ICREATE, NAMELINK, COPY_FILE_RANGE, O_TRUNC.)
 */

import type { Call } from '../../../../mux/xlator/call.js';
import { type Dict, valueBytes } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import { FOP_NAMES, fopByName } from '../../../../mux/xlator/fop-table.js';
import type {
  DictReply,
  FopName,
  FxattropArgs,
  MaybePromise,
  OpenArgs,
  XattropArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { below, intercept } from '../../../../mux/xlator/intercept.js';
import { Translator } from '../../../../mux/xlator/translator.js';
import { EROFS } from '../../../../native/errno.js';
import { O_RDWR, O_TRUNC, O_WRONLY } from '../../../../native/linux.js';
import type { Options } from './options.js';

/** Changing fops with a rule of their own, by their arguments. */
const BY_ARGUMENTS: ReadonlySet<FopName> = new Set(['xattrop', 'fxattrop']);
/** Changes nothing, and is refused all the same, as in glusterfsd. */
const REFUSED_TOO: ReadonlySet<FopName> = new Set(['fsyncdir']);

/** Opened for writing, or emptied by being opened. */
const CHANGING_FLAGS = O_WRONLY | O_RDWR | O_TRUNC;

export class ReadOnlyTranslator extends Translator<Options> {
  override wants(_fop: FopName): boolean {
    return this.options['read-only'];
  }

  override guardChange(call: Call): void {
    if (this.options['read-only']) refuse(call);
  }

  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    if ((args.flags & CHANGING_FLAGS) !== 0) refuse(call);
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

function allZero(dict: Dict): boolean {
  for (const value of dict.map.values()) {
    const bytes = valueBytes(value);
    if (bytes?.some((byte) => byte !== 0) === true) return false;
  }
  return true;
}

const changing = FOP_NAMES.filter(
  (name) => !BY_ARGUMENTS.has(name) && (fopByName(name).changesData || REFUSED_TOO.has(name)),
);
intercept(
  ReadOnlyTranslator,
  changing,
  (name) =>
    function (call, args) {
      refuse(call);
      return below(this, name)(call, args);
    },
);
