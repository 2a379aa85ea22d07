/**
 * What permission checks know of a file: owner, mode, ACLs. Learned from replies to callers that are checked, fetched
 * when a check needs it, and dropped or updated by every change that passes.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import type { Fops } from '../../../../mux/xlator/fops.js';
import { gfidKey } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import type { BrickContext } from '../../../../mux/xlator/translator.js';
import { ACCESS_KEY, type Acl, DEFAULT_KEY, type Guarded, parseAcl, withMode } from './acl.js';

export interface FileContext extends Guarded {
  default: Acl | null;
}

/** Contexts of files that the inode table did not know yet when they were learnt. More are forgotten: they can be fetched. */
const MAX_EARLY = 1024;

function aclFrom(xdata: Dict | null, key: string): Acl | null {
  const value = xdata?.bytes(key);
  return value === undefined || value.length === 0 ? null : parseAcl(value);
}

export class FileContexts {
  readonly #brick: BrickContext;
  readonly #slot: number;
  /** By gfid key. */
  readonly #early = new Map<string, FileContext>();
  /** Counts changes: what was read while one happened may be old. */
  #changes = 0;

  constructor(brick: BrickContext, slot: number) {
    this.#brick = brick;
    this.#slot = slot;
  }

  /** What is known of an inode. */
  peek(inode: Inode): FileContext | undefined {
    const known = inode.ctx[this.#slot] as FileContext | undefined;
    if (known !== undefined || this.#early.size === 0) return known;
    const early = this.#early.get(inode.key);
    if (early === undefined) return undefined;
    this.#early.delete(inode.key);
    inode.ctx[this.#slot] = early;
    return early;
  }

  /** A mark of now, for {@link learn}. */
  get mark(): number {
    return this.#changes;
  }

  /** Notes a file's attributes and ACLs from a reply to a request made at `mark`. */
  learn(stat: Iatt, xdata: Dict | null, mark: number): void {
    const { uid, gid, mode } = stat;
    this.put(stat, { uid, gid, mode, access: aclFrom(xdata, ACCESS_KEY), default: aclFrom(xdata, DEFAULT_KEY) }, mark);
  }

  put(stat: Iatt, context: FileContext, mark: number): void {
    if (stat.mode === 0 || mark !== this.#changes) return;
    const key = gfidKey(stat.gfid);
    const inode = this.#brick.findInode(key);
    if (inode !== undefined) {
      inode.ctx[this.#slot] = context;
      return;
    }
    if (this.#early.size >= MAX_EARLY) {
      const oldest = this.#early.keys().next();
      if (oldest.done !== true) this.#early.delete(oldest.value);
    }
    this.#early.set(key, context);
  }

  /** Reads it from disk. Fails as the lookup fails. */
  async fetch(call: Call, inode: Inode, next: Fops): Promise<FileContext> {
    const mark = this.#changes;
    const loc = { inode, parent: null, name: '' };
    const xdata = new Dict().setInt(ACCESS_KEY, 0).setInt(DEFAULT_KEY, 0);
    const reply = await next.lookup(call, { loc, gfid: inode.gfid, xdata });
    const { uid, gid, mode } = reply.stat;
    const context = {
      uid,
      gid,
      mode,
      access: aclFrom(reply.xdata, ACCESS_KEY),
      default: aclFrom(reply.xdata, DEFAULT_KEY),
    };
    if (mark === this.#changes) inode.ctx[this.#slot] = context;
    return context;
  }

  /** Owner or mode were changed. */
  attributesChanged(inode: Inode, stat: Iatt): void {
    this.#changes++;
    const context = this.peek(inode);
    if (context === undefined || stat.mode === 0) return;
    context.uid = stat.uid;
    context.gid = stat.gid;
    context.mode = stat.mode;
    if (context.access !== null) context.access = withMode(context.access, stat.mode);
  }

  /** ACLs were changed, in whatever way. */
  aclChanged(inode: Inode): void {
    this.#changes++;
    this.forget(inode);
  }

  forget(inode: Inode): void {
    inode.ctx[this.#slot] = undefined;
    this.#early.delete(inode.key);
  }
}
