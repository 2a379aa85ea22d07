/** Xattrs that set or remove limits; and those of quota that clients may not touch. */
import type { Logger } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../../mux/xlator/fops.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { EPERM } from '../../../../native/errno.js';
import { S_IFDIR } from '../../../../native/linux.js';
import type { KnownLimits } from './known-limits.js';
import { isProtected, OBJECT_LIMIT, USAGE_LIMIT } from './quota-xattrs.js';

const NOTHING = new Dict();

export class LimitXattrs {
  readonly #known: KnownLimits;
  readonly #log: Logger;

  constructor(known: KnownLimits, log: Logger) {
    this.#known = known;
    this.#log = log;
  }

  /** EPERM if a client that is not internal sets or removes quota's xattrs. */
  guard(call: Call, inode: Inode, names: Iterable<string>): void {
    if (call.pid < 0) return;
    for (const name of names) {
      if (!isProtected(name)) continue;
      this.#log.debug(0, `${call.client.uid} may not change ${name} of ${pathOf(inode)}`, EPERM);
      throw failure(EPERM);
    }
  }

  /** Notes limits once they are set. */
  set<R>(inode: Inode, dict: Dict, reply: MaybePromise<R>): MaybePromise<R> {
    return this.#changed(inode, dict, dict.has(USAGE_LIMIT), dict.has(OBJECT_LIMIT), reply);
  }

  /** Drops a limit once it is removed. */
  removed<R>(inode: Inode, name: string, reply: MaybePromise<R>): MaybePromise<R> {
    return this.#changed(inode, NOTHING, name === USAGE_LIMIT, name === OBJECT_LIMIT, reply);
  }

  #changed<R>(inode: Inode, dict: Dict, usage: boolean, objects: boolean, reply: MaybePromise<R>): MaybePromise<R> {
    if (inode.type !== S_IFDIR || (!usage && !objects)) return reply;
    return then(reply, (r) => {
      this.#known.noteSet(inode, dict, usage, objects);
      return r;
    });
  }
}
