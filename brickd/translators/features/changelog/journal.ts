/**
 * The journal of a brick's changes. Records of one turn of the event loop go to the pool in one write, in the order in which the changes
 * were made; those that come while it runs go with the next. A change is acknowledged when its record is in the file. Now and then the
 * journal is put away under its name for good, and another begun.
 *
 *   begin .. end ──> set of this turn ──endOfTurn──> being written ──> CHANGELOG ──rollover──> YYYY/MM/DD/CHANGELOG.<time>, HTIME
 *                     written() of it resolves when it is in the file
 */
import { background, describeThrown } from '../../../../mux/base/fault.js';
import type { Logger } from '../../../../mux/base/log.js';
import type { Gfid } from '../../../../mux/xlator/gfid.js';
import { assert, defined } from '../../../../native/assert.js';
import { batch } from '../../../../native/batch.js';
import { Priority } from '../../../../native/layout.js';
import { type Collector, endOfTurn } from '../../../../native/turn.js';
import { type ChangelogFolder, JOURNAL_LANE } from './changelog-folder.js';
import { HistoryIndex, journalName } from './history-index.js';
import {
  beginJournal,
  endJournal,
  isEmpty,
  isTaken,
  type JournalFile,
  type JournalSettings,
  sameSettings,
} from './journal-files.js';
import { Chunk, type LetterCode, RecordWriter } from './records.js';

/** Chunks of a write at most: ops of a batch. */
const MAX_CHUNKS = 16;
/** Chunks kept for a disk that takes none: what comes then is lost to consumers, who must crawl instead. */
const MAX_BACKLOG_CHUNKS = 64;
const RETRY_MS = 1000;
/** Journals of later times that are there already, which a new one steps over. */
const MAX_ATTEMPTS = 10;

let lastSlice = 0;
let lastSet = 0;

/** Records that are written together. */
class RecordSet {
  /** Sets of any journal are written in the order of their numbers. */
  readonly number = ++lastSet;
  chunks: Chunk[] = [];
  readonly written: Promise<void>;
  resolve!: () => void;

  constructor() {
    this.written = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }
}

export interface JournalOwner {
  /** A journal is complete, and in the index. path: a byte string. */
  journalComplete(path: string): void;
  timer(delayMs: number, run: () => void): () => void;
}

export class Journal implements Collector {
  readonly #folder: ChangelogFolder;
  readonly #log: Logger;
  readonly #owner: JournalOwner;
  readonly #writer = new RecordWriter();
  #index: HistoryIndex;
  #file: JournalFile | null;
  /** Of the file that is about to be begun: records that come meanwhile are for that. */
  #nextSettings: JournalSettings | null = null;
  /** Records that no write has taken yet. */
  #set: RecordSet | null = null;
  /** The last of a slice that is being put away. */
  #sealed: RecordSet | null = null;
  /** Being written; null between writes. */
  #writing: RecordSet | null = null;
  /** The last set that was written, or given up. */
  #done = 0;
  #scheduled = false;
  /** A rollover is about to change the file: what comes waits for the next one. */
  #held = false;
  /** Rollovers and syncs, one after the other. */
  #chain: Promise<unknown> = Promise.resolve();
  /** Records that the disk has refused; they go first. */
  #backlog: Chunk[] = [];
  #cancelRetry: (() => void) | null = null;
  /** It was logged that the disk refuses records. */
  #refusing = false;
  /** Records were given up. */
  #lost = false;
  #unsynced = false;
  /** Number of the present slice: what has changed once in it need not be recorded again. No two of any journals are the same. */
  slice = ++lastSlice;
  // For metrics.
  bytes = 0;
  records = 0;
  rollovers = 0;
  rolloverMs = 0;

  constructor(folder: ChangelogFolder, index: HistoryIndex, file: JournalFile, log: Logger, owner: JournalOwner) {
    this.#folder = folder;
    this.#index = index;
    this.#file = file;
    this.#log = log;
    this.#owner = owner;
  }

  get index(): HistoryIndex {
    return this.#index;
  }

  get size(): number {
    return this.#file?.size ?? 0;
  }

  /** Whether the file is one of such settings. */
  has(settings: JournalSettings): boolean {
    return this.#file !== null && sameSettings(this.#file.settings, settings);
  }

  /** The disk has refused records, and has not taken them since. */
  get refusing(): boolean {
    return this.#refusing;
  }

  /** Records wait for a disk that has refused them. */
  get failing(): boolean {
    return this.#backlog.length > 0;
  }

  // --- records --------------------------------------------------------------------------------------------------------

  /** Begins a record: its fields are to be added, and its end, before any other. */
  begin(letter: LetterCode, gfid: Gfid): RecordWriter {
    this.#set ??= new RecordSet();
    let chunk = this.#set.chunks.at(-1);
    if (chunk === undefined || !chunk.hasRoom) {
      chunk = new Chunk();
      this.#set.chunks.push(chunk);
    }
    this.records++;
    if (!this.#scheduled) {
      this.#scheduled = true;
      endOfTurn.writes.add(this);
    }
    return this.#writer.begin(chunk, this.#encoding, letter, gfid);
  }

  get #encoding(): JournalSettings['encoding'] {
    return this.#nextSettings?.encoding ?? defined(this.#file, 'records are for an open journal').settings.encoding;
  }

  /** The set that the last record is in. */
  get latest(): number {
    return defined(this.#set, 'a record is in a set').number;
  }

  /** Resolves when the records of a set, and of all before it, are in the file; null: they are. */
  written(set: number): Promise<void> | null {
    if (set <= this.#done) return null;
    // Of few: the one that is being written, the last of a slice, and the one that records are added to.
    for (const one of [this.#writing, this.#sealed, this.#set]) {
      if (one !== null && one.number >= set) return one.written;
    }
    return null;
  }

  endOfTurn(): void {
    this.#scheduled = false;
    this.#go();
  }

  #go(): void {
    if (this.#set === null || this.#writing !== null || this.#held || this.#scheduled) return;
    const set = this.#set;
    this.#set = null;
    this.#writing = set;
    const [chunk] = set.chunks;
    if (chunk !== undefined && set.chunks.length === 1 && !this.failing && this.#file !== null) {
      this.#writeOne(chunk, this.#file);
    } else {
      background(this.#write(set), this.#log, 'writing records has failed');
    }
  }

  /** Writes the only chunk of the set that is being written: as nearly all are, with as little around it as can be. */
  #writeOne(chunk: Chunk, file: JournalFile): void {
    const b = batch();
    b.pwrite(file.fd, chunk.region.address, chunk.length, file.size);
    b.onDone = () => {
      const written = b.result(0);
      b.release();
      this.#unsynced = true;
      if (written === chunk.length) this.#taken(chunk, file);
      else this.#refused([chunk], -Math.min(written, 0));
      this.#ended(defined(this.#writing, 'a set is being written'));
    };
    this.#folder.queue.submit(b, JOURNAL_LANE, Priority.high);
  }

  /** A chunk is in the file. */
  #taken(chunk: Chunk, file: JournalFile): void {
    file.size += chunk.length;
    this.bytes += chunk.length;
    chunk.region.release();
  }

  /** Writes a set, and tells who waits for it; never rejects. */
  async #write(set: RecordSet): Promise<void> {
    try {
      if (this.failing) this.#keep(set.chunks);
      else await this.#writeChunks(set.chunks);
    } catch (thrown) {
      this.#log.error(0, `writing records has failed: ${describeThrown(thrown)}`);
    } finally {
      this.#ended(set);
    }
  }

  /** A set is in the file, or kept for later: the fops that wait for it go on. */
  #ended(set: RecordSet): void {
    assert(this.#writing === set && set.number > this.#done, 'one set is written at a time, in order');
    this.#writing = null;
    this.#done = set.number;
    set.resolve();
    this.#go();
  }

  /** Writes chunks at the end of the file; those that the disk refuses are kept. */
  async #writeChunks(chunks: Chunk[]): Promise<void> {
    const file = this.#file;
    if (file === null) return;
    for (let from = 0; from < chunks.length; from += MAX_CHUNKS) {
      const some = chunks.slice(from, from + MAX_CHUNKS);
      const b = batch();
      let end = file.size;
      for (const chunk of some) {
        b.pwrite(file.fd, chunk.region.address, chunk.length, end);
        end += chunk.length;
      }
      await this.#folder.run(b, JOURNAL_LANE);
      const results = some.map((_, i) => b.result(i));
      b.release();
      const whole = results.findIndex((n, i) => n !== some[i]?.length);
      const good = whole < 0 ? some.length : whole;
      for (const chunk of some.slice(0, good)) this.#taken(chunk, file);
      this.#unsynced = true;
      if (good < some.length) {
        const errno = -Math.min(results[good] ?? 0, 0);
        this.#refused(chunks.slice(from + good), errno);
        return;
      }
    }
  }

  // --- a disk that takes no records --------------------------------------------------------------------------------------

  #refused(chunks: Chunk[], errno: number): void {
    if (!this.#refusing) {
      this.#log.error(0, `${this.#folder.path}: cannot write records, keeping them in memory`, errno);
    }
    this.#refusing = true;
    this.#keep(chunks);
    this.#cancelRetry ??= this.#owner.timer(RETRY_MS, () => {
      this.#cancelRetry = null;
      this.#run('writing records', () => this.#exclusively(() => this.#writeBacklog()));
    });
  }

  #keep(chunks: Chunk[]): void {
    for (const chunk of chunks) {
      const last = this.#backlog.at(-1);
      const bytes = chunk.region.bytes;
      if (last !== undefined && last.length + chunk.length <= last.region.capacity) {
        bytes.copy(last.region.bytes, last.length, 0, chunk.length);
        last.length += chunk.length;
        chunk.region.release();
      } else if (this.#backlog.length < MAX_BACKLOG_CHUNKS) {
        this.#backlog.push(chunk);
      } else {
        this.#give([chunk]);
      }
    }
  }

  /** Gives records up. */
  #give(chunks: Chunk[]): void {
    for (const chunk of chunks) chunk.region.release();
    if (this.#lost) return;
    this.#lost = true;
    const path = this.#folder.path;
    this.#log.error(0, `${path}: changes are not recorded until the disk accepts records again`);
    this.#log.error(0, `${path}: a new index will be started: consumers have to crawl the volume to find the changes`);
  }

  /** Tries the records again that the disk has refused; nothing else is written meanwhile. */
  async #writeBacklog(): Promise<boolean> {
    const chunks = this.#backlog;
    if (chunks.length === 0) return true;
    if (this.#file === null) return false;
    this.#backlog = [];
    await this.#writeChunks(chunks);
    if (this.failing) return false;
    this.#refusing = false;
    this.#log.info(0, `${this.#folder.path}: the records kept in memory have been written`);
    return true;
  }

  // --- slices ----------------------------------------------------------------------------------------------------------

  /** Runs work after the work in progress. Resolves with whether it succeeded. */
  #run(what: string, work: () => Promise<boolean>): Promise<boolean> {
    const done = this.#chain.then(work).catch((thrown: unknown) => {
      this.#log.error(0, `${what} has failed: ${describeThrown(thrown)}`);
      return false;
    });
    this.#chain = done;
    return done;
  }

  /** Runs work while no write does: records that come meanwhile wait. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#held = true;
    try {
      while (this.#writing !== null) await this.#writing.written;
      return await work();
    } finally {
      this.#held = false;
      this.#go();
    }
  }

  /**
   * Puts the journal away and begins another. settings: of that, where they are to change; null: begins none. Resolves with true when
   * the journal is in the index.
   */
  rollover(settings?: JournalSettings | null): Promise<boolean> {
    return this.#run('rollover', () => this.#rollover(settings));
  }

  async #rollover(wanted: JournalSettings | null | undefined): Promise<boolean> {
    const old = this.#file;
    if (old === null) return true;
    const began = performance.now();
    // From here on records are of the next slice.
    this.slice = ++lastSlice;
    this.#sealed = this.#set;
    this.#set = null;
    this.#nextSettings = wanted ?? old.settings;
    let put: { seconds: number; empty: boolean };
    try {
      put = await this.#exclusively(async () => {
        const sealed = this.#sealed;
        if (sealed !== null) {
          this.#writing = sealed;
          await this.#write(sealed);
        }
        await this.#writeBacklog();
        return this.#swap(old, wanted === undefined ? old.settings : wanted);
      });
    } finally {
      this.#nextSettings = null;
      this.#sealed = null;
    }
    if (this.#file !== old) await this.#syncAndClose(old);
    const indexed = await this.#index.add(put.seconds, put.empty);
    this.rollovers++;
    this.rolloverMs = performance.now() - began;
    if (!put.empty) this.#owner.journalComplete(`${this.#folder.path}/${journalName(put.seconds)}`);
    await this.#renewIndex();
    return indexed;
  }

  /** Has the next records go to another file. One that is empty is kept where it can be. */
  async #swap(old: JournalFile, settings: JournalSettings | null): Promise<{ seconds: number; empty: boolean }> {
    const empty = isEmpty(old) && !this.failing;
    const recoded = settings !== null && settings.encoding !== old.settings.encoding;
    try {
      if (recoded && this.failing) throw new Error('the disk takes no records: the encoding stays');
      for (let attempt = 0; ; attempt++) {
        const seconds = this.#index.next(Math.floor(Date.now() / 1000)) + attempt;
        if (empty && settings !== null && sameSettings(settings, old.settings)) return { seconds, empty };
        const away = empty ? null : seconds;
        try {
          if (settings === null) await endJournal(this.#folder, away);
          this.#file = settings === null ? null : await beginJournal(this.#folder, settings, away);
          return { seconds, empty };
        } catch (error) {
          if (!isTaken(error) || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    } catch (error) {
      // What has come meanwhile is in the new encoding.
      if (recoded && this.#set !== null) this.#give(this.#set.chunks.splice(0));
      throw error;
    }
  }

  /** After a gap: consumers must not take the journals before it and behind it for all that there was. */
  async #renewIndex(): Promise<void> {
    if ((!this.#lost && !this.#index.broken) || this.failing) return;
    const seconds = this.#index.next(Math.floor(Date.now() / 1000));
    const renewed = await HistoryIndex.create(this.#folder, this.#log, seconds);
    this.#index.close();
    this.#index = renewed;
    this.#lost = false;
  }

  /** Has the disk hold what was written since the last sync. */
  sync(): void {
    if (!this.#unsynced) return;
    this.#run('syncing the journal', async () => {
      const file = this.#file;
      if (file === null || !this.#unsynced) return true;
      this.#unsynced = false;
      const errno = await this.#folder.errnoOf((b) => b.fdatasync(file.fd));
      if (errno !== 0) this.#log.error(0, `${this.#folder.path}: the journal could not be synced`, errno);
      return errno === 0;
    });
  }

  async #syncAndClose(file: JournalFile): Promise<void> {
    const errno = await this.#folder.errnoOf((b) => b.fsync(file.fd));
    if (errno !== 0) this.#log.error(0, `${this.#folder.path}: a journal could not be synced`, errno);
    this.#folder.closeFile(file.fd);
  }

  /** Ends writing, and leaves the journal for the next process. */
  async close(): Promise<void> {
    await this.#run('closing the journal', async () => {
      while (this.#set !== null || this.#writing !== null) await (this.#set ?? this.#writing)?.written;
      if (!(await this.#writeBacklog())) {
        this.#log.error(0, `${this.#folder.path}: the records kept in memory are lost`);
        this.#give(this.#backlog.splice(0));
      }
      this.#cancelRetry?.();
      const file = this.#file;
      this.#file = null;
      if (file === null) return true;
      await this.#syncAndClose(file);
      if (this.#lost || this.#index.broken) {
        // Where there is no journal to go on with the next process begins a new index.
        const seconds = this.#index.next(Math.floor(Date.now() / 1000));
        await endJournal(this.#folder, seconds).catch(() => endJournal(this.#folder, null));
      }
      return true;
    });
    this.#index.close();
  }
}
