/** The base of features/locks: finds the locks of an inode, and adds the lock counts that any reply may carry. */

import { type DomainLogger, loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import type {
  EntryReply,
  FopName,
  LinkArgs,
  LookupArgs,
  LookupReply,
  MaybePromise,
  ReaddirArgs,
  ReaddirReply,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import { gfidKey } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { below, intercept } from '../../../../mux/xlator/intercept.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { defined } from '../../../../native/assert.js';
import { copyDict } from '../../copy-dict.js';
import { answer, answerEntry, hasRequest, takeRequest, writable } from './counts.js';
import { InodeLocks, type LocksHost } from './inode-locks.js';
import type { Revocation } from './internal/revocation.js';
import type { Options } from './options.js';
import { type MandatoryMode, mandatoryMode } from './posix/mandatory.js';

/** Fops whose replies only get lock counts, and how to find the inode for each. */
const COUNTED = {
  fd: ['fstat', 'fallocate', 'fsync', 'fsyncdir', 'opendir', 'readdir', 'fsetattr', 'fxattrop', 'rchecksum', 'seek'],
  inode: ['stat', 'access', 'readlink', 'setattr', 'xattrop', 'statfs'],
  parent: ['mkdir', 'mknod', 'create', 'symlink'],
} as const satisfies Record<string, readonly FopName[]>;

export abstract class CountedFops extends Translator<Options> implements LocksHost {
  readonly busy = new Set<InodeLocks>();
  readonly log: DomainLogger;
  noticeEveryMs: number | null = null;
  revocation: Revocation | null = null;
  /** Mandatory locking of the volume. */
  mode: MandatoryMode = 'off';

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.log = loggerFor(init.name);
    this.#adopt(init.options);
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#adopt(options);
    for (const locks of this.busy) if (locks.posix !== null) locks.io?.wake(locks.posix, this.mode);
  }

  #adopt(o: Options): void {
    this.noticeEveryMs = o['notify-contention'] ? o['notify-contention-delay'] * 1000 : null;
    this.mode = mandatoryMode(o['mandatory-locking']);
    this.revocation =
      o['revocation-secs'] > 0
        ? {
            seconds: o['revocation-secs'],
            maxBlocked: o['revocation-max-blocked'],
            all: o['revocation-clear-all'],
            loseUnlocks: o['monkey-unlocking'],
          }
        : null;
  }

  /** The locks of an inode, if it ever had one. */
  peek(inode: Inode): InodeLocks | undefined {
    return inode.ctx[this.slot] as InodeLocks | undefined;
  }

  locksOf(inode: Inode): InodeLocks {
    return (inode.ctx[this.slot] ??= new InodeLocks(inode, this)) as InodeLocks;
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  /** Winds a fop, and puts the counts that its xdata asks for into its reply. other: a second directory. */
  withCounts<R extends Xdata>(
    xdata: Dict | null,
    inode: Inode | null,
    wind: () => MaybePromise<R>,
    other: Inode | null = null,
  ): MaybePromise<R> {
    const request = takeRequest(xdata);
    if (request === null) return wind();
    return then(wind(), (reply) => {
      const counted = { ...reply };
      const into = writable(counted);
      if (inode !== null) answer(request, this.peek(inode), into);
      if (other !== null) answer(request, this.peek(other), into, true);
      return counted;
    });
  }

  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    if (!hasRequest(args.xdata)) return this.next.lookup(call, args);
    const xdata = copyDict(args.xdata);
    const request = defined(takeRequest(xdata), 'a request for counts that was seen is there');
    const { parent, name } = args.loc;
    return then(this.next.lookup(call, { ...args, xdata }), (reply) => {
      const counted = { ...reply };
      const into = writable(counted);
      const inode = this.brick.findInode(gfidKey(reply.stat.gfid));
      answer(request, inode === undefined ? undefined : this.peek(inode), into);
      answerEntry(request, parent, name, null, into, (i) => this.peek(i));
      return counted;
    });
  }

  readdirp(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    const request = takeRequest(args.xdata);
    if (request === null) return this.next.readdirp(call, args);
    const parent = args.fd.inode;
    return then(this.next.readdirp(call, args), (reply) => {
      const counted = { ...reply };
      for (const entry of counted.entries) {
        const inode = entry.stat.mode === 0 ? undefined : this.brick.findInode(gfidKey(entry.stat.gfid));
        entry.dict ??= new Dict();
        answerEntry(request, parent, entry.name, inode, entry.dict, (i) => this.peek(i));
      }
      answer(request, this.peek(parent), writable(counted));
      return counted;
    });
  }

  link(call: Call, args: LinkArgs): MaybePromise<EntryReply> {
    return this.withCounts(args.xdata, args.newLoc.parent, () => this.next.link(call, args));
  }
}

intercept(
  CountedFops,
  COUNTED.fd,
  (name) =>
    function (call, args) {
      if (args.xdata === null) return below(this, name)(call, args);
      return this.withCounts(args.xdata, args.fd.inode, () => below(this, name)(call, args));
    },
);
intercept(
  CountedFops,
  COUNTED.inode,
  (name) =>
    function (call, args) {
      if (args.xdata === null) return below(this, name)(call, args);
      return this.withCounts(args.xdata, args.inode, () => below(this, name)(call, args));
    },
);
intercept(
  CountedFops,
  COUNTED.parent,
  (name) =>
    function (call, args) {
      if (args.xdata === null) return below(this, name)(call, args);
      return this.withCounts(args.xdata, args.loc.parent, () => below(this, name)(call, args));
    },
);
