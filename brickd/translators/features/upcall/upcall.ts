/**
 * features/upcall: cache invalidation. Clients cache attributes, xattrs and missing names for minutes. When one client
 * changes a file, the brick notifies the others that used it recently, before it replies: a client that hears of the
 * change from its author never finds the old state in its cache.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import type * as F from '../../../../mux/xlator/fops.js';
import { gfidKey } from '../../../../mux/xlator/gfid.js';
import { Iatt, NO_IATT } from '../../../../mux/xlator/iatt.js';
import type { Client, Inode } from '../../../../mux/xlator/inode.js';
import {
  below,
  type FopArgs,
  type FopMethod,
  type FopReplies,
  fopsIn,
  intercept,
} from '../../../../mux/xlator/intercept.js';
import { Translator } from '../../../../mux/xlator/translator.js';
import { POST_STAT } from '../../../../mux/xlator/xdata-keys.js';
import { UP_ATTR, UP_NLINK, UP_RENAME, UP_WRITE, Up } from './flags.js';
import type { Options } from './options.js';
import { Watchers } from './watchers.js';
import { startedFromZero, XattrFilter } from './xattr-filter.js';

/** GF_IPC_TARGET_UPCALL: a client names the xattrs whose changes it wants to hear of. */
const IPC_UPCALL = 2;
/** Files checked per second for clients whose interest has expired. */
const SWEEP_FILES = 4096;

/** What has changed, beside the flags that say so. */
interface Change {
  stat?: Iatt;
  parent?: Iatt;
  oldParent?: Iatt;
  xattrs?: Dict;
}
const NOTHING: Change = {};

export class UpcallTranslator extends Translator<Options> {
  readonly #watchers = new Watchers();
  readonly #filter = new XattrFilter();
  #endSweep: (() => void) | null = null;

  override async init(): Promise<void> {
    this.#apply();
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#apply();
  }

  /** Who watches what is kept when it is switched off: caches hold on to what they have until it is switched on again. */
  #apply(): void {
    if (!this.options['cache-invalidation'] || this.#endSweep !== null) return;
    this.#endSweep = this.brick.timer(1000, true, () => {
      const keepSec = 2 * this.options['cache-invalidation-timeout'];
      this.#watchers.sweep(now() - keepSec - 1, SWEEP_FILES);
    });
  }

  override async fini(): Promise<void> {
    this.#endSweep?.();
    this.#endSweep = null;
    this.#watchers.clear();
  }

  /** Registrations are taken while it is off, too: it may be switched on later. */
  override wants(fop: F.FopName): boolean {
    return fop === 'ipc' || this.options['cache-invalidation'];
  }

  override forget(inode: Inode): void {
    const { key } = inode;
    this.#watchers.forget(key, (client) => this.#tell(client, key, Up.forget, NOTHING));
  }

  override clientGone(client: Client): void {
    this.#watchers.clientGone(client);
    this.#filter.clientGone(client);
  }

  /** Files that some client may have in its cache. */
  get watched(): number {
    return this.#watchers.size;
  }

  used(call: Call, key: string): void {
    this.#used(call, key, now());
  }

  #used({ client }: Call, key: string, time: number): void {
    const given = this.#watchers.used(key, client, time);
    if (given !== null) this.#tell(client, given, Up.forget, NOTHING);
  }

  /** Tells the others what a client has changed; it may have the new state in its own cache from now on. */
  changed(call: Call, key: string, flags: number, change: Change): void {
    const time = now();
    const since = time - this.options['cache-invalidation-timeout'];
    this.#watchers.others(key, call.client, since, (client) => this.#tell(client, key, flags, change));
    this.#used(call, key, time);
  }

  #tell(client: Client, key: string, flags: number, change: Change): void {
    this.brick.upcall(client, {
      kind: 'cache-invalidation',
      key,
      flags,
      expireSec: this.options['cache-invalidation-timeout'],
      stat: change.stat ?? NO_IATT,
      parent: change.parent ?? NO_IATT,
      oldParent: change.oldParent ?? NO_IATT,
      xattrs: change.xattrs ?? null,
    });
  }

  xattrsChanged(call: Call, key: string, sent: Dict, xdata: Dict | null): void {
    const xattrs = this.#filter.apply(sent);
    if (xattrs !== null) this.#xattrs(call, key, Up.xattr, xattrs, xdata);
  }

  xattrRemoved(call: Call, key: string, name: string, xdata: Dict | null): void {
    const xattrs = this.#filter.removed(name);
    if (xattrs !== null) this.#xattrs(call, key, Up.xattrRemoved, xattrs, xdata);
  }

  #xattrs(call: Call, key: string, flags: number, xattrs: Dict, xdata: Dict | null): void {
    const post = xdata?.get(POST_STAT)?.value;
    if (post instanceof Iatt) this.changed(call, key, flags | Up.times, { stat: post, xattrs });
    else this.changed(call, key, flags, { xattrs });
  }

  xattrsCounted(call: Call, key: string, sent: Dict, result: Dict | null): void {
    const xattrs = this.#filter.apply(sent);
    if (xattrs !== null && startedFromZero(xattrs, result)) this.changed(call, key, Up.xattr, { xattrs });
  }

  ipc(call: Call, args: F.IpcArgs): F.MaybePromise<F.Xdata> {
    if (args.op !== IPC_UPCALL) return this.next.ipc(call, args);
    if (args.xdata !== null) this.#filter.register(call.client, args.xdata.map.keys());
    return { xdata: null };
  }
}

const now = (): number => Math.floor(Date.now() / 1000);

// --- what each fop means to caches ------------------------------------------------------------------------------------

type Effect<A, R> = (t: UpcallTranslator, call: Call, args: A, reply: R) => void;
type EffectOf<N extends F.FopName> = Effect<FopArgs[N], FopReplies[N]>;

const usedInode: Effect<F.InodeArgs, unknown> = (t, call, args) => t.used(call, args.inode.key);
const usedFd: Effect<F.FdArgs, unknown> = (t, call, args) => t.used(call, args.fd.inode.key);

const wroteInode: Effect<F.InodeArgs, F.PrePostReply> = (t, call, args, { post }) =>
  t.changed(call, args.inode.key, UP_WRITE, { stat: post });
const wroteFd: Effect<F.FdArgs, F.PrePostReply> = (t, call, args, { post }) =>
  t.changed(call, args.fd.inode.key, UP_WRITE, { stat: post });

function attributes(t: UpcallTranslator, call: Call, inode: Inode, reply: F.PrePostReply): void {
  // What access control keeps in xattrs follows the mode.
  const xattr = reply.pre.mode === reply.post.mode ? 0 : Up.xattr;
  t.changed(call, inode.key, UP_ATTR | xattr, { stat: reply.post });
}

/** An entry of a directory was added or removed. */
function entriesChanged(t: UpcallTranslator, call: Call, directory: Inode | null, stat: Iatt): void {
  if (directory !== null) t.changed(call, directory.key, Up.times, { stat });
}

const made: Effect<F.LocArgs, F.EntryReply> = (t, call, args, reply) => {
  entriesChanged(t, call, args.loc.parent, reply.postparent);
  t.used(call, gfidKey(reply.stat.gfid));
};

const removed: Effect<F.LocArgs, F.RemoveReply> = (t, call, args, reply) => {
  if (args.loc.inode !== null) t.changed(call, args.loc.inode.key, UP_NLINK, { parent: reply.postparent });
  entriesChanged(t, call, args.loc.parent, reply.postparent);
};

const EFFECTS = {
  lookup: (t, call, _args, reply) => t.used(call, gfidKey(reply.stat.gfid)),
  stat: usedInode,
  readlink: usedInode,
  access: usedInode,
  open: usedInode,
  opendir: usedInode,
  statfs: usedInode,
  getxattr: usedInode,
  fstat: usedFd,
  readv: usedFd,
  readdir: usedFd,
  lk: usedFd,
  seek: usedFd,
  fgetxattr: usedFd,
  readdirp: (t, call, args, reply) => {
    t.used(call, args.fd.inode.key);
    for (const entry of reply.entries) if (entry.stat !== NO_IATT) t.used(call, gfidKey(entry.stat.gfid));
  },
  writev: wroteFd,
  ftruncate: wroteFd,
  fallocate: wroteFd,
  discard: wroteFd,
  zerofill: wroteFd,
  truncate: wroteInode,
  copyFileRange: (t, call, args, reply) => t.changed(call, args.fdOut.inode.key, UP_WRITE, { stat: reply.post }),
  setattr: (t, call, args, reply) => attributes(t, call, args.inode, reply),
  fsetattr: (t, call, args, reply) => attributes(t, call, args.fd.inode, reply),
  mkdir: made,
  mknod: made,
  symlink: made,
  create: made,
  unlink: removed,
  rmdir: removed,
  link: (t, call, args, reply) => {
    t.changed(call, args.inode.key, UP_NLINK, { stat: reply.stat, parent: reply.postparent });
    entriesChanged(t, call, args.newLoc.parent, reply.postparent);
  },
  namelink: (t, call, args, reply) => entriesChanged(t, call, args.loc.parent, reply.postparent),
  rename: (t, call, args, reply) => {
    const { oldLoc, newLoc } = args;
    const change = { stat: reply.stat, parent: reply.postNewParent, oldParent: reply.postOldParent };
    if (oldLoc.inode !== null) t.changed(call, oldLoc.inode.key, UP_RENAME, change);
    // The file that had the new name may have others.
    const victim = newLoc.inode;
    if (victim !== null && victim !== oldLoc.inode) {
      t.changed(call, victim.key, UP_NLINK, { parent: reply.postNewParent });
    }
    entriesChanged(t, call, oldLoc.parent, reply.postOldParent);
    if (newLoc.parent !== oldLoc.parent) entriesChanged(t, call, newLoc.parent, reply.postNewParent);
  },
  setxattr: (t, call, args, reply) => t.xattrsChanged(call, args.inode.key, args.dict, reply.xdata),
  fsetxattr: (t, call, args, reply) => t.xattrsChanged(call, args.fd.inode.key, args.dict, reply.xdata),
  removexattr: (t, call, args, reply) => t.xattrRemoved(call, args.inode.key, args.name, reply.xdata),
  fremovexattr: (t, call, args, reply) => t.xattrRemoved(call, args.fd.inode.key, args.name, reply.xdata),
  xattrop: (t, call, args, reply) => t.xattrsCounted(call, args.inode.key, args.dict, reply.dict),
  fxattrop: (t, call, args, reply) => t.xattrsCounted(call, args.fd.inode.key, args.dict, reply.dict),
} satisfies { [N in F.FopName]?: EffectOf<N> };

type EffectName = keyof typeof EFFECTS;
const effects: { readonly [N in EffectName]: EffectOf<N> } = EFFECTS;

intercept(UpcallTranslator, fopsIn(effects), <N extends EffectName>(name: N): FopMethod<UpcallTranslator, N> => {
  const effect = effects[name];
  return function (call, args) {
    const reply = below(this, name)(call, args);
    if (!(reply instanceof Promise)) {
      effect(this, call, args, reply);
      return reply;
    }
    return reply.then((r) => {
      effect(this, call, args, r);
      return r;
    });
  };
});
