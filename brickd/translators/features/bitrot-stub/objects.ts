/** The states of files: read from the xattrs of a file when it is first needed, raised on disk before a change. */
import { background } from '../../../../mux/base/fault.js';
import type { Logger } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise, Xdata } from '../../../../mux/xlator/fops.js';
import { type Gfid, gfidText, sameGfid } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { GFID_REQ, INTERNAL_FOP } from '../../../../mux/xlator/xdata-keys.js';
import { ENOENT, ESTALE } from '../../../../native/errno.js';
import { copyDict } from '../../copy-dict.js';
import { ObjectState } from './object-state.js';
import type { Quarantine } from './quarantine.js';
import {
  BAD_FILE,
  type BootTime,
  decodeVersion,
  encodeVersion,
  FIRST_VERSION,
  SIGNATURE,
  signedVersion,
  VERSION,
} from './xattr-formats.js';

/** Read with a file's first lookup. */
const KEYS = [VERSION, SIGNATURE, BAD_FILE];
const GONE: ReadonlySet<number> = new Set([ENOENT, ESTALE]);

export class Objects {
  readonly #layer: Translator;
  readonly #quarantine: Quarantine;
  readonly #boot: BootTime;
  readonly #log: Logger;
  readonly #loading = new Map<string, Promise<ObjectState>>();

  /** layer: the translator, whose `ctx` of an inode keeps the state. */
  constructor(layer: Translator, quarantine: Quarantine, boot: BootTime, log: Logger) {
    this.#layer = layer;
    this.#quarantine = quarantine;
    this.#boot = boot;
    this.#log = log;
  }

  /** The state if it is known. */
  known(inode: Inode): ObjectState | undefined {
    const state = inode.ctx[this.#layer.slot] as ObjectState | undefined;
    return state?.owner === this ? state : undefined;
  }

  /** The state of a file. Fails if its xattrs cannot be read. */
  of(inode: Inode): MaybePromise<ObjectState> {
    const known = this.known(inode);
    if (known !== undefined) return known;
    let loading = this.#loading.get(inode.key);
    if (loading === undefined) {
      loading = this.#load(inode).finally(() => this.#loading.delete(inode.key));
      this.#loading.set(inode.key, loading);
    }
    return loading;
  }

  async #load(inode: Inode): Promise<ObjectState> {
    const xattrs = await this.#look(inode);
    // A file without a handle has lost its last name, or was never there: nothing of it is to last.
    return xattrs === null ? new ObjectState(this, FIRST_VERSION, false) : this.found(inode, xattrs);
  }

  /** Xattrs of a file by its gfid; null when there is no such file. */
  #look(inode: Inode): Promise<Dict | null> {
    return this.#layer.brick.byItself(async (call) => {
      try {
        const loc = { inode, parent: null, name: '' };
        const reply = await this.#layer.next.lookup(call, { loc, gfid: inode.gfid, xdata: this.asking(null) });
        return reply.xdata ?? new Dict();
      } catch (error) {
        if (error instanceof FopError && GONE.has(error.errno)) return null;
        throw error;
      }
    }, inode);
  }

  /** A lookup's xdata that asks for what {@link found} reads. */
  asking(xdata: Dict | null): Dict {
    const asked = copyDict(xdata);
    for (const key of KEYS) asked.setUint(key, 0);
    return asked;
  }

  /** The state of a file whose xattrs a lookup has read. What is known already is newer. */
  found(inode: Inode, xattrs: Dict): ObjectState {
    const known = this.known(inode);
    if (known !== undefined) return known;
    const bad = xattrs.has(BAD_FILE);
    const state = new ObjectState(this, this.#versionIn(inode.gfid, xattrs), bad);
    this.#keep(inode, state);
    if (bad !== this.#quarantine.has(inode.key)) {
      // Replies show what is on disk already; the list is for the status.
      const listed = bad ? this.#quarantine.add(inode.gfid) : this.#quarantine.remove(inode.gfid);
      background(listed, this.#log, `${this.#layer.brick.name}: changing the list of bad files failed`);
    }
    return state;
  }

  #versionIn(gfid: Gfid, xattrs: Dict): number {
    const value = xattrs.bytes(VERSION);
    const version = value === undefined ? undefined : decodeVersion(value);
    if (version !== undefined) return version;
    const signature = xattrs.bytes(SIGNATURE);
    if (value === undefined && signature === undefined) return FIRST_VERSION;
    // The next version must be none that was signed.
    const signed = (signature === undefined ? undefined : signedVersion(signature)) ?? FIRST_VERSION;
    const what = value === undefined ? 'is signed and has no version' : `has a malformed ${VERSION}`;
    this.#log.warning(
      0,
      `${this.#layer.brick.name}: ${gfidText(gfid)} ${what}: it counts as changed, from version ${signed} on`,
    );
    return signed;
  }

  #keep(inode: Inode, state: ObjectState | undefined): void {
    inode.ctx[this.#layer.slot] = state;
  }

  /** A file that was not there before. */
  made(inode: Inode): ObjectState {
    const state = new ObjectState(this, FIRST_VERSION, false);
    this.#keep(inode, state);
    return state;
  }

  /** What is known of a file may be of another that had its gfid. */
  forget(inode: Inode): void {
    this.#keep(inode, undefined);
  }

  /** A bad file has lost a name directly on the brick: it is taken off the list if it is gone. */
  async nameLost(inode: Inode): Promise<void> {
    if ((await this.#look(inode)) !== null) return;
    this.forget(inode);
    await this.#quarantine.remove(inode.gfid);
  }

  /** Has the next version on disk before the file changes. fd: an open file of it, if there is one. Fails as setxattr fails. */
  raise(inode: Inode, fd: Fd | null, state: ObjectState): Promise<void> {
    state.raising ??= this.#raise(inode, fd, state).finally(() => {
      state.raising = null;
    });
    return state.raising;
  }

  async #raise(inode: Inode, fd: Fd | null, state: ObjectState): Promise<void> {
    const dict = new Dict().setBytes(VERSION, encodeVersion(state.version + 1, this.#boot));
    const xdata = new Dict().setInt(INTERNAL_FOP, 1);
    const { brick, next } = this.#layer;
    await brick.byItself(async (call) => {
      if (fd === null) await next.setxattr(call, { inode, dict, flags: 0, xdata });
      else await next.fsetxattr(call, { fd, dict, flags: 0, xdata });
    }, inode);
    state.raised();
  }
}

/** Whether a creation has made a file that was not there before: heals make files with gfids that may have been. */
export function isNew(call: Call, { xdata }: Xdata, stat: Iatt): boolean {
  const asked = xdata?.bytes(GFID_REQ);
  return call.pid >= 0 && stat.size === 0 && asked?.length === 16 && sameGfid(asked, stat.gfid);
}
