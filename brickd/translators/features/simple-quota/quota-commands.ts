/** Xattrs that set limits, correct sizes, or tell the brick what others know of a namespace. */
import type { Logger } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise, Xdata } from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import { pathOf } from '../../../../mux/xlator/known-path.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { EPERM } from '../../../../native/errno.js';
import type { NamespaceUsages } from './namespace-usages.js';
import { COMMANDS, DISABLE_CHECK, LIMIT, NAMESPACE, numberOf, RESET, SIZE, TOTAL_USAGE } from './quota-xattrs.js';
import type { Usage } from './usage.js';

export class QuotaCommands {
  readonly #layer: Translator;
  readonly #usages: NamespaceUsages;
  readonly #log: Logger;
  #enforced = true;

  constructor(layer: Translator, usages: NamespaceUsages, log: Logger) {
    this.#layer = layer;
    this.#usages = usages;
    this.#log = log;
  }

  /** Limits hold. */
  get enforced(): boolean {
    return this.#enforced;
  }

  /** Xattrs are to be set; wind stores them. */
  set(call: Call, inode: Inode, dict: Dict, wind: () => MaybePromise<Xdata>): MaybePromise<Xdata> {
    if (COMMANDS.some((key) => dict.has(key))) return this.#command(call, inode, dict);
    if (dict.has(LIMIT)) return this.#setLimit(inode, dict, wind);
    return dict.has(SIZE) ? this.#setSize(inode, dict, wind) : wind();
  }

  /** Keys that are commands to the brick and are not stored. */
  async #command(call: Call, inode: Inode, dict: Dict): Promise<Xdata> {
    // No translator below checks them, as they are no xattrs.
    if (call.uid !== 0 && call.pid >= 0) throw failure(EPERM);
    if (dict.has(DISABLE_CHECK)) {
      this.#enforced = numberOf(dict, DISABLE_CHECK) === 0;
      this.#log.info(0, `${this.#layer.brick.name}: limits of namespaces are ${this.#enforced ? '' : 'not '}enforced`);
    }
    if (dict.has(TOTAL_USAGE)) {
      const total = numberOf(dict, TOTAL_USAGE);
      (await this.#usageOfRoot(inode, TOTAL_USAGE)).tell(total);
    }
    if (dict.has(RESET)) {
      const usage = await this.#usageOfRoot(inode, RESET);
      const size = await this.#usages.readNumber(inode, SIZE);
      if (size !== undefined) usage.reset(size);
    }
    return { xdata: null };
  }

  /** The usage of a namespace by its root; EPERM for any other file. */
  async #usageOfRoot(inode: Inode, key: string): Promise<Usage> {
    if ((await this.#layer.brick.namespaceOf(inode)).key === inode.key) return this.#usages.at(inode);
    this.#log.warning(0, `${pathOf(inode)} is not the root of a namespace: ${key} is refused`);
    throw failure(EPERM);
  }

  async #setLimit(inode: Inode, dict: Dict, wind: () => MaybePromise<Xdata>): Promise<Xdata> {
    const limit = numberOf(dict, LIMIT);
    // It becomes a root with this very request.
    const usage = await (dict.has(NAMESPACE) ? this.#usages.at(inode) : this.#usageOfRoot(inode, LIMIT));
    const reply = await wind();
    this.#limited(usage, limit);
    return reply;
  }

  #limited(usage: Usage, limit: number): void {
    usage.setLimit(limit);
    this.#log.info(0, `namespace ${gfidText(usage.gfid)}: limit ${usage.limit || 'none'}, used here ${usage.used}`);
  }

  /** Somebody has counted again. */
  async #setSize(inode: Inode, dict: Dict, wind: () => MaybePromise<Xdata>): Promise<Xdata> {
    const size = dict.number(SIZE);
    const isRoot = (await this.#layer.brick.namespaceOf(inode)).key === inode.key;
    const reply = await wind();
    if (isRoot && size !== undefined) (await this.#usages.at(inode)).reset(size);
    return reply;
  }

  /** An xattr is to be removed. */
  remove(inode: Inode, name: string, wind: () => MaybePromise<Xdata>): MaybePromise<Xdata> {
    if (name !== LIMIT) return wind();
    return then(wind(), (reply) => {
      const usage = this.#usages.get(inode.key);
      if (usage !== undefined) this.#limited(usage, 0);
      return reply;
    });
  }
}
