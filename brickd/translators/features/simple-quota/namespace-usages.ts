/**
 * The usage of namespaces on this brick: read from the xattrs of the namespace's root when first needed, and written
 * back soon after a change.
 */
import { background } from '../../../../mux/base/fault.js';
import type { Logger } from '../../../../mux/base/log.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { FopError } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise } from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { ENODATA, ENOENT, ESTALE } from '../../../../native/errno.js';
import { S_IFDIR } from '../../../../native/linux.js';
import { LIMIT, SIZE } from './quota-xattrs.js';
import { Usage } from './usage.js';

/** Changes are on disk this long after they were counted: what a crash loses is bounded. */
const STORE_MS = 5000;
/** How long the end of the brick waits for them. */
const LAST_STORE_MS = 5000;

/** An xattr, or its file, does not exist. */
const NOTHING: ReadonlySet<number> = new Set([ENODATA, ENOENT, ESTALE]);
const GONE: ReadonlySet<number> = new Set([ENOENT, ESTALE]);

export class NamespaceUsages {
  readonly #layer: Translator;
  readonly #log: Logger;
  readonly #known = new Map<string, Usage>();
  readonly #loading = new Map<string, Promise<Usage>>();
  #ending = false;
  /** Cancels the next write of what was counted; null: nothing is to be written. */
  #due: (() => void) | null = null;

  /** layer: the translator, whose `ctx` of a namespace's root keeps the usage. */
  constructor(layer: Translator, log: Logger) {
    this.#layer = layer;
    this.#log = log;
  }

  /** Those that have been asked for. */
  known(): Iterable<Usage> {
    return this.#known.values();
  }
  /** The usage of a namespace that has been asked for, by the key of its root. */
  get(key: string): Usage | undefined {
    return this.#known.get(key);
  }

  /** Writes what was counted; does not wait for a disk that hangs. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#due?.();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#log.warning(
          0,
          `${this.#layer.brick.name}: the usage of namespaces is not on disk yet: closing without it`,
        );
        resolve();
      }, LAST_STORE_MS);
    });
    await Promise.race([this.storeAll(), late]);
    clearTimeout(timer);
  }

  /** The usage of the namespace that a file is in. */
  of(inode: Inode): MaybePromise<Usage> {
    const known = inode.namespace?.ctx[this.#layer.slot];
    if (known instanceof Usage) return known;
    return then(this.#layer.brick.namespaceOf(inode), (namespace) => this.at(namespace));
  }

  /** The usage of the namespace with that root. */
  at(namespace: Inode): MaybePromise<Usage> {
    // The table may have dropped the inode and made it again.
    const known = this.#known.get(namespace.key);
    if (known !== undefined) {
      namespace.ctx[this.#layer.slot] = known;
      return known;
    }
    let loading = this.#loading.get(namespace.key);
    if (loading === undefined) {
      loading = this.#load(namespace).finally(() => this.#loading.delete(namespace.key));
      this.#loading.set(namespace.key, loading);
    }
    return loading;
  }

  async #load(namespace: Inode): Promise<Usage> {
    const size = (await this.readNumber(namespace, SIZE)) ?? 0;
    const limit = (await this.readNumber(namespace, LIMIT)) ?? 0;
    const usage = new Usage(namespace.gfid, namespace.key, size, limit);
    this.#known.set(namespace.key, usage);
    namespace.ctx[this.#layer.slot] = usage;
    return usage;
  }

  /** A number from an xattr; undefined if it is not a number. */
  async readNumber(inode: Inode, name: string): Promise<number | undefined> {
    return this.#layer.brick.byItself(async (call) => {
      try {
        const { dict } = await this.#layer.next.getxattr(call, { inode, name, xdata: null });
        return dict?.number(name);
      } catch (error) {
        if (error instanceof FopError && NOTHING.has(error.errno)) return undefined;
        throw error;
      }
    }, inode);
  }

  /** Counts a change of what a namespace holds. */
  charge(usage: Usage, bytes: number): void {
    if (bytes === 0) return;
    usage.charge(bytes);
    this.#storeSoon();
  }

  #storeSoon(): void {
    if (this.#ending) return;
    this.#due ??= this.#layer.brick.timer(STORE_MS, false, () => {
      this.#due = null;
      background(this.storeAll(), this.#log, 'writing the sizes of namespaces');
    });
  }

  /** Never rejects: what could not be written is tried again. */
  async storeAll(): Promise<void> {
    for (const usage of this.#known.values()) await this.store(usage);
  }

  /** Writes the current usage to the xattr. */
  async store(usage: Usage): Promise<void> {
    if (usage.storing !== null) await usage.storing;
    if (usage.stored === usage.used) return;
    usage.storing ??= this.#write(usage).finally(() => {
      usage.storing = null;
    });
    await usage.storing;
  }

  async #write(usage: Usage): Promise<void> {
    const { used } = usage;
    const { brick, next } = this.#layer;
    const inode = brick.adoptInode(usage.gfid, S_IFDIR);
    const dict = new Dict().setInt(SIZE, used);
    try {
      await brick.byItself(async (call) => next.setxattr(call, { inode, dict, flags: 0, xdata: null }), inode);
      usage.stored = used;
    } catch (error) {
      if (!(error instanceof FopError)) throw error;
      if (GONE.has(error.errno)) {
        this.drop(usage.key);
        return;
      }
      const what = `the usage of namespace ${gfidText(usage.gfid)}, ${used} bytes`;
      this.#log.error(0, `${this.#layer.brick.name}: ${what}, could not be written`, error.errno);
      this.#storeSoon();
    }
  }

  /** The namespace was removed. */
  drop(key: string): void {
    this.#known.delete(key);
    const inode = this.#layer.brick.findInode(key);
    if (inode !== undefined) inode.ctx[this.#layer.slot] = undefined;
  }
}
