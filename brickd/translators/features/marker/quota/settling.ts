/**
 * Brings records up to date with what files are: each file that was touched gives its directories what it has now, and each directory passes
 * on to the one above what it holds now, deepest first. This goes by what is on disk, not by what the fops did: however writes, links and
 * renames follow each other, the same file is right in the end. Rounds come a moment after the first touch, so that a thousand writes to a file,
 * and a thousand files in a directory, are one walk to the root.
 */
import { describeThrown } from '../../../../../mux/base/fault.js';
import type { Logger } from '../../../../../mux/base/log.js';
import type { Call } from '../../../../../mux/xlator/call.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import { type Gfid, gfidKey, gfidOfKey, gfidText } from '../../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../../mux/xlator/iatt.js';
import type { Inode } from '../../../../../mux/xlator/inode.js';
import { S_IFDIR } from '../../../../../native/linux.js';
import { eachOf } from '../../../each-of.js';
import { SerialByKey } from '../../../serial-by-key.js';
import { type DirectoryAccount, DirectoryAccounts } from './directory-accounts.js';
import {
  difference,
  EMPTY_DIRECTORY,
  encodeFigures,
  type Figures,
  figuresOf,
  isZero,
  NOTHING,
  same,
  sum,
} from './figures.js';
import type { QuotaRecord, QuotaRecords } from './quota-records.js';
import { DIRTY } from './quota-xattrs.js';

/** From the first touch to the round that settles it. */
const ROUND_MS = 100;
/** Files, or directories of one depth, that are worked on at a time. */
const AT_A_TIME = 16;
/** Files that wait for their round; directories of further ones are counted again instead. */
const MOST_FILES = 65536;
/** Rounds in a row after which callers that wait for everything to be settled go on. */
const MOST_ROUNDS = 3;

/** A file that was touched. */
interface Touched {
  readonly mode: number;
  /** A directory made since: it was empty then. */
  readonly made: boolean;
  /** Directories that it has left, which must not be counted until it is settled: it may still give them something. */
  readonly left: DirectoryAccount[];
}

export class Settling {
  readonly accounts: DirectoryAccounts;
  readonly locks = new SerialByKey();
  readonly records: QuotaRecords;
  readonly #log: Logger;
  /** Has a directory counted again. */
  readonly recount: (directory: Inode) => void;
  /** Whether a directory has still to be counted again: its flag stays. */
  readonly #isToBeCounted: (key: string) => boolean;
  #files = new Map<string, Touched>();
  /** What is touched now is settled in that round. */
  round = 1;
  #running: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  #ending = false;
  #ended = false;

  constructor(
    records: QuotaRecords,
    log: Logger,
    recount: (directory: Inode) => void,
    isToBeCounted: (key: string) => boolean,
  ) {
    this.records = records;
    this.#log = log;
    this.recount = recount;
    this.#isToBeCounted = isToBeCounted;
    this.accounts = new DirectoryAccounts(records, log, (directory) => {
      if (!isToBeCounted(directory.key)) recount(directory);
    });
  }

  /** Files and directories that wait for a round. */
  get waiting(): number {
    return this.#files.size + this.accounts.size;
  }

  // --- what fops tell -----------------------------------------------------------------------------------------------

  /** A file may hold more or less than before, or have other names. */
  touch(inode: Inode): void {
    if (this.#files.has(inode.key)) return;
    this.#add(inode.key, { mode: inode.type, made: false, left: [] }, inode.parent);
  }

  /** A file may be new in a directory. made: it has just been made. */
  touchIn(directory: Inode, { gfid, mode }: Pick<Iatt, 'gfid' | 'mode'>, made = false): void {
    this.#add(gfidKey(gfid), { mode, made, left: [] }, directory);
  }

  /** A file has left a directory, for which a change was begun ({@link DirectoryAccount.changing}): it ends when the file is settled. */
  leaves(from: DirectoryAccount, to: Inode | null, { key, type }: Pick<Inode, 'key' | 'type'>): void {
    this.#add(key, { mode: type, made: false, left: [from] }, to);
  }

  #add(key: string, touched: Touched, directory: Inode | null): void {
    if (this.#ended) return;
    if (directory !== null) this.accounts.touch(directory, this.round);
    const known = this.#files.get(key);
    if (known === undefined) this.#flagDirectoriesOf(this.records.brick.findInode(key));
    if (known !== undefined) {
      known.left.push(...touched.left);
    } else if (this.#files.size < MOST_FILES || directory === null) {
      this.#files.set(key, touched);
    } else {
      this.recount(directory);
      for (const account of touched.left) {
        account.changed();
        this.recount(account.inode);
      }
    }
    this.schedule();
  }

  /** A fop is about to change a directory's entries: its dirty flags are set. */
  expect(directory: Inode): void {
    if (this.#ended) return;
    this.accounts.touch(directory, this.round);
    this.schedule();
  }

  /** A fop is about to change a file. */
  expectChange(inode: Inode): void {
    if (this.#ended || inode.parent === null || this.#files.has(inode.key)) return;
    this.#flagDirectoriesOf(inode);
    this.schedule();
  }

  /** All that are known to have a name of a file. */
  #flagDirectoriesOf(inode: Inode | undefined): void {
    if (inode === undefined || inode.parent === null) return;
    this.accounts.touch(inode.parent, this.round);
    for (const { parent } of inode.aliases ?? []) this.accounts.touch(parent, this.round);
  }

  /** Whether it is about to be settled anyway. */
  expects(key: string): boolean {
    return this.#files.has(key) || this.accounts.get(key) !== undefined;
  }

  /** Something is to be settled. */
  schedule(): void {
    if (this.#cancel !== null || this.#running !== null || this.#ending) return;
    this.#cancel = this.records.brick.timer(ROUND_MS, false, () => {
      this.#cancel = null;
      this.#start();
    });
  }

  /** Resolves when all that was touched until now is settled; not at once where a directory is being counted. */
  async settled(): Promise<void> {
    for (let rounds = 0; rounds < MOST_ROUNDS && (this.waiting > 0 || this.#running !== null); rounds++) {
      await this.#start();
    }
  }

  /** Settles the rest, and accepts nothing more. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.settled();
    this.#ended = true;
    this.#cancel?.();
    this.#cancel = null;
    for (const account of this.accounts.values()) this.accounts.close(account);
  }

  // --- rounds -------------------------------------------------------------------------------------------------------

  #start(): Promise<void> {
    this.#running ??= this.#round()
      .catch((thrown: unknown) => this.#log.error(0, `accounting of quota: ${describeThrown(thrown)}`))
      .finally(() => {
        this.#running = null;
        if (this.waiting > 0) this.schedule();
      });
    return this.#running;
  }

  async #round(): Promise<void> {
    // The table learns of a change by the turn that ends the fop.
    await new Promise((resolve) => setImmediate(resolve));
    const files = [...this.#files];
    this.#files = new Map();
    const round = this.round++;
    await eachOf(files, AT_A_TIME, ([key, touched]) => this.#settle(key, touched, round));
    const done = new Set<DirectoryAccount>();
    for (;;) {
      const deepest = this.#deepest(round, done);
      if (deepest.length === 0) return;
      for (const account of deepest) done.add(account);
      await eachOf(deepest, AT_A_TIME, (account) =>
        this.#contained(account.inode.gfid, account.inode, () => this.#settleDirectory(account, round)),
      );
      for (const account of deepest) this.#keepFlagsAbove(account);
    }
  }

  /** A directory that stays flagged for a later round is to be found from the root, by flags. */
  #keepFlagsAbove({ inode, flag }: DirectoryAccount): void {
    if (flag !== 'clear' && flag !== 'clearing' && inode.parent !== null) this.accounts.touch(inode.parent, this.round);
  }

  /** The deepest directories that the round has still to process. */
  #deepest(round: number, done: ReadonlySet<DirectoryAccount>): DirectoryAccount[] {
    let deepest: DirectoryAccount[] = [];
    let most = -1;
    for (const account of this.accounts.values()) {
      if (done.has(account) || (account.round > round && !account.due && isZero(account.delta))) continue;
      const { depth } = account;
      if (depth > most) {
        most = depth;
        deepest = [];
      }
      if (depth === most) deepest.push(account);
    }
    return deepest;
  }

  async #settle(key: string, { mode, made, left }: Touched, round: number): Promise<void> {
    const inode = this.records.inode(key, mode);
    if (inode.type === S_IFDIR) {
      const account = this.accounts.open(this.records.directory(key));
      account.due = true;
      account.made ||= made;
      account.left.push(...left);
      return;
    }
    let postponed = false;
    await this.#contained(inode.gfid, inode.parent, async () => {
      postponed = !(await this.#settleFile(inode, round));
    });
    if (postponed) this.#add(key, { mode, made, left }, null);
    else for (const account of left) account.changed();
  }

  /** Runs what concerns one file. If that fails, the directory stays flagged, and is counted again later. */
  async #contained(gfid: Gfid, directory: Inode | null, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (thrown) {
      this.#log.error(0, `accounting of ${gfidText(gfid)} for quota has failed: ${describeThrown(thrown)}`);
      if (directory !== null) this.recount(directory);
    }
  }

  // --- files --------------------------------------------------------------------------------------------------------

  /** False: a directory that it gives to, or has given to, is being counted. */
  #settleFile(inode: Inode, round: number): Promise<boolean> {
    return this.locks.run(inode.key, () =>
      this.records.asBrick(async (call) => {
        const record = await this.records.read(call, inode);
        if (record === null) return true;
        const gives = figuresOf(record.stat);
        const directories = gives === null ? new Set<string>() : await this.records.directoriesOf(call, inode, record);
        const change = new Change(this);
        if (gives !== null) change.give(record, directories, gives);
        change.takeBack(record, directories);
        if (change.isEmpty) return true;
        if (!(await change.begin(round))) return false;
        const after = await change.store(call, inode);
        // The xattr itself may have taken a block.
        if (after !== null && gives !== null && figuresOf(after)?.bytes !== gives.bytes) this.touch(inode);
        return true;
      }),
    );
  }

  // --- directories --------------------------------------------------------------------------------------------------

  #settleDirectory(account: DirectoryAccount, round: number): Promise<void> {
    const { inode } = account;
    return this.locks.run(inode.key, () =>
      this.records.asBrick(async (call) => {
        if (account.pass !== null) return;
        if (this.#isToBeCounted(inode.key) && !account.due && isZero(account.delta)) return;
        const record = await this.records.read(call, inode);
        const parent = inode.isRoot ? null : await this.records.parentOf(call, inode);
        if (record === null || (parent === null && !inode.isRoot)) {
          this.accounts.close(account);
          return;
        }
        await this.#passOn(call, account, record, parent, round);
      }),
    );
  }

  async #passOn(
    call: Call,
    account: DirectoryAccount,
    record: QuotaRecord,
    parent: Inode | null,
    round: number,
  ): Promise<void> {
    const { inode } = account;
    const before = record.size ?? (account.made ? EMPTY_DIRECTORY : null);
    const size = before === null ? null : sum(before, account.delta);
    if (before === null || size === null || size.bytes < 0 || size.files < 0 || size.dirs < 1) {
      account.due = false;
      this.recount(inode);
      return;
    }
    const parents = new Set(parent === null ? [] : [parent.key]);
    const change = new Change(this);
    change.give(record, parents, size, true);
    change.takeBack(record, parents);
    if (!(await change.begin(round))) return;
    // What was credited while the flags were set is left for the next round.
    account.delta = difference(account.delta, difference(size, before));
    if (record.size === null || !same(size, before))
      change.dict.setBytes(this.records.names.size, encodeFigures(size, true));
    account.due = false;
    account.made = false;
    const { flag, changes, pass } = account;
    const idle = account.round <= round && isZero(account.delta) && changes === 0 && pass === null;
    const clears = flag === 'set' && idle && !this.#isToBeCounted(inode.key);
    if (clears) change.dict.setInt(DIRTY, 0);
    const storing = change.store(call, inode);
    if (clears) this.accounts.clears(account, storing);
    try {
      await storing;
    } finally {
      account.settled();
      this.accounts.closeIfIdle(account);
    }
  }
}

/** What a file gives to directories from now on, instead of what it has given. */
class Change {
  readonly dict = new Dict();
  readonly #settling: Settling;
  readonly #removed: string[] = [];
  /** Differences for directories, by their keys. */
  readonly #credits = new Map<string, Figures>();
  #accounts: [DirectoryAccount, Figures][] = [];

  constructor(settling: Settling) {
    this.#settling = settling;
  }

  get isEmpty(): boolean {
    return this.dict.size === 0 && this.#removed.length === 0;
  }

  give(record: QuotaRecord, directories: ReadonlySet<string>, gives: Figures, ofDirectory = false): void {
    for (const key of directories) {
      const given = record.contributions.get(key);
      if (given !== undefined && same(given, gives)) continue;
      const name = this.#settling.records.names.contribution(gfidOfKey(key));
      this.dict.setBytes(name, encodeFigures(gives, ofDirectory));
      this.#credits.set(key, difference(gives, given ?? NOTHING));
    }
  }

  /** From all directories except these. */
  takeBack(record: QuotaRecord, directories: ReadonlySet<string>): void {
    for (const [key, given] of record.contributions) {
      if (directories.has(key)) continue;
      this.#removed.push(this.#settling.records.names.contribution(gfidOfKey(key)));
      this.#credits.set(key, difference(NOTHING, given));
    }
  }

  /** Flags the directories on disk. False: one of them is being counted, and nothing must change what it is given. */
  async begin(round: number): Promise<boolean> {
    const { accounts, records } = this.#settling;
    this.#accounts = [...this.#credits].map(([key, figures]) => [
      accounts.touch(records.directory(key), round),
      figures,
    ]);
    for (const [account] of this.#accounts) {
      if (account.flagged !== null) await account.flagged;
    }
    if (this.#accounts.some(([account]) => account.pass !== null)) return false;
    for (const [account] of this.#accounts) account.changing();
    return true;
  }

  /** Stores it. Returns the file's attributes then; null if it does not exist any more. */
  async store(call: Call, inode: Inode): Promise<Iatt | null> {
    const { records } = this.#settling;
    let after: Iatt | null = null;
    try {
      if (this.dict.size > 0) after = await records.write(call, inode, this.dict);
      if (this.dict.size > 0 && after === null) return null;
      await records.remove(call, inode, this.#removed);
      for (const [account, figures] of this.#accounts) account.credit(figures);
      return after;
    } catch (thrown) {
      // Some of it may be on disk.
      for (const [account] of this.#accounts) this.#settling.recount(account.inode);
      throw thrown;
    } finally {
      for (const [account] of this.#accounts) account.changed();
    }
  }
}
