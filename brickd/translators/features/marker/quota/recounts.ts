/**
 * Counts directories again, from their entries: those that were never counted, and those whose dirty flag a crash has
 * left. One at a time, in the background; subdirectories that need it are counted first. Memory: a page of entries per
 * level.
 */
import { background, describeThrown } from '../../../../../mux/base/fault.js';
import type { Logger } from '../../../../../mux/base/log.js';
import { type Call, ClientPid } from '../../../../../mux/xlator/call.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import type { DirEntry, ReaddirReply } from '../../../../../mux/xlator/fops.js';
import { gfidKey, gfidOfKey, gfidText, isNullGfid } from '../../../../../mux/xlator/gfid.js';
import { NO_IATT } from '../../../../../mux/xlator/iatt.js';
import { Fd, type Inode } from '../../../../../mux/xlator/inode.js';
import { ENOENT } from '../../../../../native/errno.js';
import { eachOf } from '../../../each-of.js';
import type { CountPass, DirectoryAccount } from './directory-accounts.js';
import { EMPTY_DIRECTORY, encodeFigures, type Figures, figuresOf, NOTHING, same, sum } from './figures.js';
import { isGone, type QuotaRecord } from './quota-records.js';
import { DIRTY, PGFID_PREFIX } from './quota-xattrs.js';
import type { Settling } from './settling.js';

/** Directories in the queue; others are found again by their flags. */
const MOST_WAITING = 65536;
const PAGE_BYTES = 65536;
const AT_A_TIME = 16;
/** Counts of a directory that others keep changing, in a row, and the pause until the next ones; the pause after a failure. */
const MOST_PASSES = 5;
const BUSY_MS = 1000;
const RETRY_MS = 30_000;
const SHORT_WAIT_MS = 20;
/** Directories in directories: deeper ones have no path. */
const MOST_DEPTH = 2048;

export class Recounts {
  readonly #settling: Settling;
  readonly #log: Logger;
  readonly #waiting = new Set<string>();
  /** What waits, is being counted, or is to be tried again: until it has been counted, a crash or the end of the brick must not hide it. */
  readonly #owed = new Set<string>();
  #running: Promise<void> | null = null;
  #ended = false;
  /** Directories counted. */
  done = 0;

  constructor(settling: Settling, log: Logger) {
    this.#settling = settling;
    this.#log = log;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Has a directory counted, soon. */
  add(directory: Inode): void {
    if (!this.#ended && this.#waiting.size >= MOST_WAITING) return;
    this.#owed.add(directory.key);
    if (this.#ended) return;
    this.#waiting.add(directory.key);
    this.#start();
  }

  /** Whether a directory has still to be counted. */
  owes(key: string): boolean {
    return this.#owed.has(key);
  }

  #start(): void {
    if (this.#running !== null || this.#waiting.size === 0) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      this.#start();
    });
    background(this.#running, this.#log, 'counting directories for quota');
  }

  /** Accepts nothing more, and waits for work in progress to stop. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#waiting.clear();
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<void> {
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      const directory = this.#settling.records.directory(key);
      directory.ref();
      try {
        await this.#countTop(directory);
      } catch (thrown) {
        const text = `directory ${gfidText(directory.gfid)} could not be counted for quota: ${describeThrown(thrown)}`;
        this.#log.error(0, text);
        this.#later(directory, RETRY_MS);
      } finally {
        directory.unref();
      }
    }
  }

  #later(directory: Inode, ms: number): false {
    if (!this.#ended) this.#settling.records.brick.timer(ms, false, () => this.add(directory));
    return false;
  }

  async #countTop(directory: Inode): Promise<void> {
    const { accounts } = this.#settling;
    const account = accounts.touch(directory, this.#settling.round);
    if (account.flagged !== null) await account.flagged;
    await this.#count(account, 0, false);
    account.due = true;
    this.#settling.schedule();
  }

  /** clears: it was left dirty, and no round will clear it. False: it is gone, or could not be counted now. */
  async #count(account: DirectoryAccount, depth: number, clears: boolean): Promise<boolean> {
    const { key } = account.inode;
    this.#owed.add(key);
    for (let passes = 0; passes < MOST_PASSES && !this.#ended; passes++) {
      const pass: CountPass = { stale: account.changes > 0, incomplete: false };
      account.pass = pass;
      try {
        const total = pass.stale ? null : await this.#total(account, depth);
        if (total === 'gone') {
          this.#owed.delete(key);
          return false;
        }
        if (total !== null && !this.#isStale(pass)) {
          await this.#store(account, pass, total, clears);
          if (!this.#isStale(pass)) {
            if (pass.incomplete) return this.#later(account.inode, BUSY_MS);
            this.done++;
            this.#owed.delete(key);
            return true;
          }
        }
      } finally {
        account.pass = null;
      }
      await new Promise((resolve) => setTimeout(resolve, SHORT_WAIT_MS));
      // What has waited for the pass to end, and what the next one would have to wait for.
      await this.#settling.settled();
    }
    return this.#later(account.inode, BUSY_MS);
  }

  /** Others change it while this waits. */
  #isStale(pass: CountPass): boolean {
    return pass.stale;
  }

  #store(account: DirectoryAccount, pass: CountPass, total: Figures, clears: boolean): Promise<void> {
    const { locks, records } = this.#settling;
    const { inode } = account;
    return locks.run(inode.key, () =>
      records.asBrick(async (call) => {
        if (pass.stale) return;
        const dict = new Dict().setBytes(records.names.size, encodeFigures(total, true));
        if (clears && !pass.incomplete && account.flag === 'clear') dict.setInt(DIRTY, 0);
        account.delta = NOTHING;
        await records.write(call, inode, dict);
      }),
    );
  }

  async #total(account: DirectoryAccount, depth: number): Promise<Figures | null | 'gone'> {
    let total: Figures = EMPTY_DIRECTORY;
    /** Files with several names: they count once. */
    const linked = new Set<string>();
    for (let offset = 0n; ; ) {
      if (this.#ended || account.pass?.stale === true) return null;
      const page = await this.#page(account.inode, offset);
      if (page === null) return 'gone';
      const entries = page.entries.filter((entry) => isCounted(entry, linked));
      const gives: Figures[] = [];
      const count = async (entry: DirEntry): Promise<void> => {
        const figures = await this.#entry(account, entry, depth);
        if (figures !== null) gives.push(figures);
      };
      await eachOf(
        entries.filter(({ stat }) => !stat.isDirectory),
        AT_A_TIME,
        count,
      );
      // One after the other: each may be a tree.
      for (const entry of entries) if (entry.stat.isDirectory) await count(entry);
      total = gives.reduce(sum, total);
      const last = page.entries.at(-1);
      if (last === undefined || page.errno === ENOENT) return total;
      offset = last.offset;
    }
  }

  /** Entries from a position on; null: the directory is gone. */
  async #page(directory: Inode, offset: bigint): Promise<ReaddirReply | null> {
    const { brick, names } = this.#settling.records;
    const xdata = new Dict()
      .setInt(names.contributions, 0)
      .setInt(names.size, 0)
      .setInt(DIRTY, 0)
      .setInt(`${PGFID_PREFIX}*`, 0);
    try {
      return await this.#asBrick(async (call) => {
        const fd = new Fd(directory, 0, call.client, call.pid, true);
        call.holdFd(fd);
        return await brick.storage.readdirp(call, { fd, offset, size: PAGE_BYTES, xdata });
      });
    } catch (thrown) {
      if (isGone(thrown)) return null;
      throw thrown;
    }
  }

  /** Behind the clients' work. */
  #asBrick<T>(work: (call: Call) => Promise<T>): Promise<T> {
    return this.#settling.records.brick.byItself((call) => {
      call.pid = ClientPid.quotaMount;
      return work(call);
    });
  }

  /** What an entry gives to the directory, which is set right on record. Null: nothing. */
  async #entry(above: DirectoryAccount, entry: DirEntry, depth: number): Promise<Figures | null> {
    const { records, locks } = this.#settling;
    const { stat } = entry;
    const record = records.record(stat, entry.dict);
    const gives = stat.isDirectory ? await this.#sizeOf(above, entry, record, depth) : figuresOf(stat);
    const given = record.contributions.get(above.inode.key);
    if (gives === null) {
      // A pointer of distribute's that was a file once.
      if (given !== undefined) this.#settling.touchIn(above.inode, stat);
      return given ?? null;
    }
    const stale = staleContributions(record, above.inode.key);
    const right = given !== undefined && same(given, gives);
    if (right && stale.length === 0) return gives;
    const { names } = records;
    const dict = new Dict();
    if (!right) dict.setBytes(names.contribution(above.inode.gfid), encodeFigures(gives, stat.isDirectory));
    const inode = records.inode(gfidKey(stat.gfid), stat.mode);
    const store = (call: Call): Promise<Figures | null> =>
      this.#storeEntry(call, inode, gives, right ? null : dict, stale);
    try {
      return await locks.run(inode.key, () => this.#asBrick(store));
    } catch (thrown) {
      // One file whose xattrs have no room left must not keep all others from being counted.
      this.#log.error(0, `${gfidText(stat.gfid)} is not counted for quota: ${describeThrown(thrown)}`);
      return given ?? null;
    }
  }

  /** stale: directories that the file gives nothing any more. Null: it does not exist any more. */
  async #storeEntry(
    call: Call,
    inode: Inode,
    gives: Figures,
    dict: Dict | null,
    stale: readonly string[],
  ): Promise<Figures | null> {
    const { records } = this.#settling;
    if (dict !== null) {
      const after = await records.write(call, inode, dict);
      if (after === null) return null;
      // The xattr itself may have taken a block.
      if (!after.isDirectory && figuresOf(after)?.bytes !== gives.bytes) this.#settling.touch(inode);
    }
    const names = stale.map((key) => records.names.contribution(gfidOfKey(key)));
    await records.remove(call, inode, names);
    // Whether those directories still had it nobody can tell.
    for (const key of stale) this.add(records.directory(key));
    return gives;
  }

  /** What a directory in the directory holds; it is counted if that is not known. Null: it could not be. */
  async #sizeOf(above: DirectoryAccount, entry: DirEntry, record: QuotaRecord, depth: number): Promise<Figures | null> {
    const { accounts, records } = this.#settling;
    const key = gfidKey(entry.stat.gfid);
    // Whether it was dirty before is known only then.
    const flagged = accounts.get(key)?.flagged;
    if (flagged != null) await flagged;
    const isDirty = record.dirty && (this.#owed.has(key) || (accounts.get(key)?.flag ?? 'clear') === 'clear');
    if (record.size !== null && !isDirty) return record.size;
    if (depth >= MOST_DEPTH) return null;
    const account = accounts.open(records.directory(key));
    this.#waiting.delete(key);
    const done = await this.#count(account, depth + 1, record.dirty);
    if (!done && this.#owed.has(key) && above.pass !== null) above.pass.incomplete = true;
    accounts.closeIfIdle(account);
    const counted = await records.asBrick((call) => records.read(call, account.inode));
    return counted?.size ?? null;
  }
}

/** Directories that a file has given something, and has no name in any more: a crash came between. key: of one that has a name of it. */
function staleContributions({ stat, contributions, links }: QuotaRecord, key: string): string[] {
  const others = [...contributions.keys()].filter((other) => other !== key);
  if (stat.isDirectory || stat.nlink === 1) return others;
  let counted = 0;
  for (const count of links.values()) counted += count;
  return counted === stat.nlink ? others.filter((other) => !links.has(other)) : [];
}

/** Whether an entry is one that may count, the first of its file. */
function isCounted({ name, stat }: DirEntry, linked: Set<string>): boolean {
  if (name === '.' || name === '..' || stat === NO_IATT || isNullGfid(stat.gfid)) return false;
  if (stat.isDirectory || stat.nlink <= 1) return true;
  const key = gfidKey(stat.gfid);
  if (linked.has(key)) return false;
  linked.add(key);
  return true;
}
