/** Keeps the entries of the indices in step with the xattrs by which replication and dispersal mark files. */
import type { Call } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import { isEntryName } from '../../../../mux/xlator/entry-name.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { DictReply, MaybePromise, Xdata } from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { assert } from '../../../../native/assert.js';
import { EINVAL } from '../../../../native/errno.js';
import { S_IFDIR } from '../../../../native/linux.js';
import { ENTRY_CHANGES, type IndexPlace, type IndexStore, pathOf } from './index-store.js';
import type { PendingCount } from './pending-count.js';
import type { HealState, Watchlist } from './watchlist.js';

const ENTRY_IN = 'glusterfs.xattrop-entry-create';
const ENTRY_OUT = 'glusterfs.xattrop-entry-delete';
const PURGE = 'glusterfs.xattrop-purge-index';

const ADD_ARRAY = 0;
const ADD_ARRAY64 = 1;

/** What is known of an inode's entries: undefined while nothing is. */
interface Membership {
  xattrop?: boolean;
  dirty?: boolean;
  'entry-changes'?: boolean;
  /** Changes of an inode's entries are made one at a time: this settles after the last. */
  tail: Promise<unknown>;
  /** One is in progress. */
  changing: boolean;
}

export class Bookkeeping {
  /** The translator, whose state of an inode is what is known of its entries. */
  readonly #layer: Translator;
  readonly #watch: Watchlist;
  readonly #store: IndexStore;
  readonly #pending: PendingCount;

  constructor(layer: Translator, watch: Watchlist, store: IndexStore, pending: PendingCount) {
    this.#layer = layer;
    this.#watch = watch;
    this.#store = store;
    this.#pending = pending;
  }

  /** The folder of a directory's names to heal was removed. */
  folderRemoved(inode: Inode): void {
    this.#membership(inode)[ENTRY_CHANGES] = false;
  }

  /** Whether a fop may change what awaits healing. */
  tracks(args: { op: number; dict: Dict } & Xdata): boolean {
    if (args.op !== ADD_ARRAY && args.op !== ADD_ARRAY64) return false;
    if (this.#watch.watches(args.dict, args.op === ADD_ARRAY64)) return true;
    return args.op === ADD_ARRAY && (args.xdata?.has(ENTRY_IN) === true || args.xdata?.has(ENTRY_OUT) === true);
  }

  #membership(inode: Inode): Membership {
    return (inode.ctx[this.#layer.slot] ??= { tail: Promise.resolve(), changing: false }) as Membership;
  }

  /** Winds such a fop, with the entries of the indices changed around it. Those on one inode run in order: what one finds zero, the next may set again. */
  track(
    call: Call,
    inode: Inode,
    args: { op: number; dict: Dict } & Xdata,
    wind: () => MaybePromise<DictReply>,
  ): Promise<DictReply> {
    const member = this.#membership(inode);
    const run = member.tail.then(() => this.#change(call, inode, member, args, wind));
    member.tail = run.catch(() => {});
    return run;
  }

  async #change(
    call: Call,
    inode: Inode,
    member: Membership,
    args: { op: number; dict: Dict } & Xdata,
    wind: () => MaybePromise<DictReply>,
  ): Promise<DictReply> {
    assert(!member.changing, 'changes of the entries of one inode run one at a time');
    member.changing = true;
    try {
      const { xdata } = args;
      // Before the change: should the brick fail in between, the entry is there in vain rather than missing.
      const wanted = this.#watch.stateOf(args.dict);
      const created = xdata?.text(ENTRY_IN);
      const deleted = xdata?.text(ENTRY_OUT);
      if (wanted.xattrop || wanted.dirty || created !== undefined || deleted !== undefined)
        this.#layer.brick.guardChange(call);
      await this.#apply(inode, member, { xattrop: wanted.xattrop || undefined, dirty: wanted.dirty || undefined });
      if (created !== undefined) await this.#addName(inode, member, created);
      const reply = await wind();
      const state: HealState =
        reply.dict === null
          ? { xattrop: undefined, dirty: undefined }
          : this.#watch.stateOf(reply.dict, args.op === ADD_ARRAY64);
      await this.#apply(inode, member, state);
      if (deleted !== undefined) await this.#removeName(inode, deleted);
      const purge = xdata === null || (xdata.number(PURGE) ?? 0) !== 0;
      if (purge && state.xattrop === false && inode.type === S_IFDIR) await this.#purgeNames(inode, member);
      return reply;
    } finally {
      member.changing = false;
    }
  }

  async #apply(inode: Inode, member: Membership, state: HealState): Promise<void> {
    for (const index of ['xattrop', 'dirty'] as const) {
      const listed = state[index];
      if (listed === undefined || member[index] === listed) continue;
      const place = { folder: index, name: gfidText(inode.gfid) };
      if (listed) {
        if ((await this.#store.add(index, place, inode.lane)) !== 0) continue;
        if (index === 'xattrop') this.#pending.addedOne();
      } else {
        const { errno, existed } = await this.#store.remove(place, inode.lane);
        if (errno !== 0) continue;
        if (existed && index === 'xattrop') this.#pending.removedOne();
      }
      member[index] = listed;
    }
  }

  async #addName(inode: Inode, member: Membership, name: string): Promise<void> {
    if (!isEntryName(name)) throw failure(EINVAL);
    const folder = namesOf(inode);
    if (member[ENTRY_CHANGES] !== true) {
      const errno = await this.#store.makeFolder(folder, inode.lane);
      if (errno !== 0) throw failure(errno);
      member[ENTRY_CHANGES] = true;
    }
    const errno = await this.#store.add(ENTRY_CHANGES, { folder: pathOf(folder), name }, inode.lane);
    if (errno !== 0) throw failure(errno);
  }

  async #removeName(inode: Inode, name: string): Promise<void> {
    if (!isEntryName(name)) return;
    await this.#store.remove({ folder: pathOf(namesOf(inode)), name }, inode.lane);
  }

  /** A directory that awaits no healing any more has no names to heal. */
  async #purgeNames(inode: Inode, member: Membership): Promise<void> {
    const folder = namesOf(inode);
    member[ENTRY_CHANGES] ??= await this.#store.exists(folder, inode.lane);
    if (!member[ENTRY_CHANGES]) return;
    if ((await this.#store.removeFolder(folder, inode.lane)) === 0) member[ENTRY_CHANGES] = false;
  }
}

/** The folder of the names to heal in a directory. */
const namesOf = (inode: Inode): IndexPlace => ({ folder: ENTRY_CHANGES, name: gfidText(inode.gfid) });
