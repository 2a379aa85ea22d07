/**
 * Directories whose records are about to change: what has come to them since, and their dirty flags on disk. Before anything in a directory
 * changes what it gives, the directory and all above it are flagged; a crash so leaves a way from the root, by flags alone, to each
 * directory that must be counted again.
 */
import { describeThrown } from '../../../../../mux/base/fault.js';
import type { Logger } from '../../../../../mux/base/log.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import { gfidText } from '../../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../../mux/xlator/inode.js';
import { MAX_LEVELS } from '../../../../../mux/xlator/known-path.js';
import { assert } from '../../../../../native/assert.js';
import { type Figures, isZero, NOTHING, sum } from './figures.js';
import type { QuotaRecords } from './quota-records.js';
import { DIRTY } from './quota-xattrs.js';

/** A count of a directory that is in progress. */
export interface CountPass {
  /** Something that it has counted may have been removed or changed. */
  stale: boolean;
  /** A directory in it has still to be counted: only this one's flag leads there. */
  incomplete: boolean;
}

export class DirectoryAccount {
  readonly inode: Inode;
  /** What is still to be added to what the directory has on record. */
  delta: Figures = NOTHING;
  /** The last round of {@link Settling} that concerns it. */
  round = 0;
  /** It has to be settled, whether or not anything in it has changed. */
  due = false;
  /** It was made since the last round: what it has on record is nothing, and that is right. */
  made = false;
  flag: 'clear' | 'setting' | 'set' | 'clearing' = 'clear';
  flagged: Promise<void> | null = null;
  /** The store that clears the flag, while it is in progress. */
  clearing: Promise<unknown> | null = null;
  /** Changes of what files give to it, in progress: until a file that has left it is settled, too. */
  changes = 0;
  /** Directories that it has left since it was settled. */
  readonly left: DirectoryAccount[] = [];
  pass: CountPass | null = null;

  constructor(inode: Inode) {
    this.inode = inode;
  }

  get depth(): number {
    let depth = 0;
    for (let at = this.inode; at.parent !== null && depth < MAX_LEVELS; at = at.parent) depth++;
    return depth;
  }

  credit(figures: Figures): void {
    if (isZero(figures)) return;
    if (this.pass !== null) this.pass.stale = true;
    this.delta = sum(this.delta, figures);
  }

  /** A file is about to leave it, or to give it something else. */
  changing(): void {
    this.changes++;
    if (this.pass !== null) this.pass.stale = true;
  }
  changed(): void {
    this.changes--;
    assert(this.changes >= 0, 'no more changes of a directory end than have begun');
  }

  /** What it gives to others is on record. */
  settled(): void {
    for (const account of this.left.splice(0)) account.changed();
  }
}

export class DirectoryAccounts {
  readonly #records: QuotaRecords;
  readonly #log: Logger;
  readonly #byKey = new Map<string, DirectoryAccount>();
  /** Told of a directory that an earlier run of the brick has left dirty. */
  readonly #onLeftDirty: (directory: Inode) => void;
  /** Whose flags on disk are those of this run. */
  readonly #known = new WeakSet<Inode>();
  /** The end of this turn, for flags that are set then. */
  #turn: Promise<void> | null = null;

  constructor(records: QuotaRecords, log: Logger, onLeftDirty: (directory: Inode) => void) {
    this.#records = records;
    this.#log = log;
    this.#onLeftDirty = onLeftDirty;
  }

  get size(): number {
    return this.#byKey.size;
  }
  values(): IterableIterator<DirectoryAccount> {
    return this.#byKey.values();
  }
  get(key: string): DirectoryAccount | undefined {
    return this.#byKey.get(key);
  }

  /** The account of a directory, opened if there is none. Its inode stays in the table until {@link close}. */
  open(directory: Inode): DirectoryAccount {
    let account = this.#byKey.get(directory.key);
    if (account === undefined) {
      account = new DirectoryAccount(directory);
      directory.ref();
      this.#byKey.set(directory.key, account);
    }
    return account;
  }

  /** Flags a directory, and those above it as far as they are known, for a round. */
  touch(directory: Inode, round: number): DirectoryAccount {
    const account = this.open(directory);
    let at = account;
    for (let level = 0; level < MAX_LEVELS && at.round < round; level++) {
      at.round = round;
      this.#flag(at);
      if (at.inode.parent === null) break;
      at = this.open(at.inode.parent);
    }
    return account;
  }

  #flag(account: DirectoryAccount): void {
    if (account.flag !== 'clear' && account.flag !== 'clearing') return;
    account.flag = 'setting';
    account.flagged = this.#setFlag(account);
  }

  /** Does not fail: without its flag, a crash leaves the directory to be corrected when its files are looked up. */
  async #setFlag(account: DirectoryAccount): Promise<void> {
    this.#turn ??= new Promise((resolve) =>
      setImmediate(() => {
        this.#turn = null;
        resolve();
      }),
    );
    await this.#turn;
    await account.clearing;
    const { inode } = account;
    try {
      await this.#records.asBrick(async (call) => {
        if (!this.#known.has(inode) && (await this.#records.read(call, inode))?.dirty === true)
          this.#onLeftDirty(inode);
        this.#known.add(inode);
        await this.#records.write(call, inode, new Dict().setInt(DIRTY, 1));
      });
    } catch (thrown) {
      this.#log.warning(
        0,
        `directory ${gfidText(inode.gfid)} could not be flagged as dirty: ${describeThrown(thrown)}`,
      );
    }
    account.flag = 'set';
    account.flagged = null;
  }

  /** Notes that a store clears the flag on disk. */
  clears(account: DirectoryAccount, storing: Promise<unknown>): void {
    account.flag = 'clearing';
    const ended = (): void => {
      account.clearing = null;
      if (account.flag === 'clearing') account.flag = 'clear';
      this.closeIfIdle(account);
    };
    account.clearing = storing.then(ended, ended);
  }

  /** Resolves when a directory, and those above it as far as they are known, are flagged on disk. Null: they are. */
  flagged(directory: Inode): Promise<unknown> | null {
    let setting: Promise<void>[] | null = null;
    let at: Inode | null = directory;
    for (let level = 0; at !== null && level < MAX_LEVELS; level++, at = at.parent) {
      const flagged = this.#byKey.get(at.key)?.flagged;
      if (flagged != null) (setting ??= []).push(flagged);
    }
    return setting === null ? null : Promise.all(setting);
  }

  /** Nothing is left to do for a directory, or it was removed. */
  close(account: DirectoryAccount): void {
    if (this.#byKey.get(account.inode.key) !== account) return;
    this.#byKey.delete(account.inode.key);
    account.settled();
    account.inode.unref();
  }

  closeIfIdle(account: DirectoryAccount): void {
    const { flag, due, delta, changes, pass } = account;
    if (flag === 'clear' && !due && isZero(delta) && changes === 0 && pass === null) this.close(account);
  }
}
