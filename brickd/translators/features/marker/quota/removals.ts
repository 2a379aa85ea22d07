/**
 * Fops that may remove a file's last name: its recorded usage is read before, and subtracted from its directories
 * after.
 */

import { describeThrown } from '../../../../../mux/base/fault.js';
import type { Logger } from '../../../../../mux/base/log.js';
import type { MaybePromise } from '../../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../../mux/xlator/inode.js';
import type { DirectoryAccount } from './directory-accounts.js';
import { difference, type Figures, NOTHING } from './figures.js';
import type { QuotaRecord } from './quota-records.js';
import type { Settling } from './settling.js';

export class QuotaRemovals {
  readonly #settling: Settling;
  readonly #log: Logger;
  /** A removed file may live on under another name: as trash. */
  readonly #keepsTrash: boolean;

  constructor(settling: Settling, log: Logger, keepsTrash: boolean) {
    this.#settling = settling;
    this.#log = log;
    this.#keepsTrash = keepsTrash;
  }

  /** Winds a fop that takes a name of a file from a directory. isLast: by the reply, whether that was the last one. */
  removing<R>(inode: Inode, directory: Inode, wind: () => MaybePromise<R>, isLast: (reply: R) => boolean): Promise<R> {
    const own = this.#changing(directory);
    let leaves = false;
    return this.#settling.locks.run(inode.key, async () => {
      const given = await this.#given(inode);
      try {
        // What a file gave can't be found any more once it is gone: without the flag, a crash would leave the directory too large for good.
        for (const account of [own, ...given.keys()]) if (account.flagged !== null) await account.flagged;
        const reply = await wind();
        if (isLast(reply)) await this.#gone(inode, given);
        else leaves = true;
        await this.#settling.accounts.flagged(directory);
        return reply;
      } finally {
        for (const account of given.keys()) account.changed();
        if (leaves) this.#settling.leaves(own, inode.parent, inode);
        else own.changed();
        this.#settling.schedule();
      }
    });
  }

  /** Winds a fop that moves a file from a directory to one. */
  async moving<R>(inode: Inode, from: Inode, to: Inode, wind: () => MaybePromise<R>): Promise<R> {
    const own = this.#changing(from);
    let moved = false;
    try {
      const reply = await wind();
      moved = true;
      return reply;
    } finally {
      if (moved) this.#settling.leaves(own, to, inode);
      else own.changed();
      this.#settling.schedule();
    }
  }

  #changing(directory: Inode): DirectoryAccount {
    const account = this.#settling.accounts.touch(directory, this.#settling.round);
    account.changing();
    return account;
  }

  /** What a file gives to directories. A disk that fails to tell must not keep the file from being removed. */
  async #given(inode: Inode): Promise<Map<DirectoryAccount, Figures>> {
    const { records } = this.#settling;
    const given = new Map<DirectoryAccount, Figures>();
    let record: QuotaRecord | null;
    try {
      record = await records.asBrick((call) => records.read(call, inode));
    } catch (thrown) {
      this.#log.error(0, `what ${gfidText(inode.gfid)} takes of quotas could not be read: ${describeThrown(thrown)}`);
      if (inode.parent !== null) this.#settling.recount(inode.parent);
      return given;
    }
    for (const [key, figures] of record?.contributions ?? [])
      given.set(this.#changing(records.directory(key)), figures);
    return given;
  }

  async #gone(inode: Inode, given: ReadonlyMap<DirectoryAccount, Figures>): Promise<void> {
    for (const [account, figures] of given) account.credit(difference(NOTHING, figures));
    if (!this.#keepsTrash || given.size === 0) return;
    const { names } = this.#settling.records;
    await this.#settling.records.asBrick(async (call) => {
      if ((await this.#settling.records.read(call, inode)) === null) return;
      const stored = [...given.keys()].map((account) => names.contribution(account.inode.gfid));
      await this.#settling.records.remove(call, inode, stored);
      this.#settling.touch(inode);
    });
  }
}
