/** The recording of a brick's changes: on or off, its journal, its slices, and what a snapshot wants of it. */
import { access } from 'node:fs/promises';
import { BrickError } from '../../../../mux/base/brick-error.js';
import { background } from '../../../../mux/base/fault.js';
import type { Logger } from '../../../../mux/base/log.js';
import { withinMs } from '../../../../mux/base/within.js';
import type { MaybePromise } from '../../../../mux/xlator/fops.js';
import type { Gfid } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import type { ChangelogNumbers, Translator } from '../../../../mux/xlator/translator.js';
import { bytesOfLatin1, latin1OfBytes, textPath } from '../../../../native/bytes.js';
import { ChangelogEvent, journalEvent } from '../changelog-events.js';
import { ChangelogFolder, CLOSE_WAIT_MS } from './changelog-folder.js';
import { ChangesInFlight, type Generation } from './changes-in-flight.js';
import { Consumers } from './consumers.js';
import { EntryBarrier } from './entry-barrier.js';
import { HistoryIndex } from './history-index.js';
import { Journal } from './journal.js';
import {
  adoptJournals,
  beginJournal,
  CURRENT,
  endJournal,
  type JournalFile,
  type JournalSettings,
} from './journal-files.js';
import { NamesInUse, type NameUse } from './names-in-use.js';
import type { Options } from './options.js';
import { removedPath } from './removed-path.js';
import { SnapshotJournal } from './snapshot-journal.js';

/** How often a brick that could not begin to record tries again. */
const RETRY_MS = 5000;

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

const settingsOf = (options: Options): JournalSettings => ({
  encoding: options.encoding,
  synchronous: options['fsync-interval'] === 0,
});

export class Recording {
  readonly barrier = new EntryBarrier();
  readonly names = new NamesInUse();
  /** Null while changes are not recorded. */
  journal: Journal | null = null;
  /** Null while nobody can ask for events. */
  consumers: Consumers | null = null;
  readonly #layer: Translator<Options>;
  readonly #log: Logger;
  readonly #socketDirectory: string;
  readonly #inFlight = new ChangesInFlight();
  #folder: ChangelogFolder | null = null;
  #snapshot: SnapshotJournal | null = null;
  #cancelBarrierTimeout: (() => void) | null = null;
  #timers: (() => void)[] = [];
  #ended = false;
  /** An attempt in progress; never rejects. */
  #beginning: Promise<void> = Promise.resolve();

  constructor(layer: Translator<Options>, log: Logger, socketDirectory: string) {
    this.#layer = layer;
    this.#log = log;
    this.#socketDirectory = socketDirectory;
  }

  // --- on and off -----------------------------------------------------------------------------------------------------

  async start(options: Options): Promise<void> {
    await this.#listen(options);
    if (!options.changelog) {
      await this.#putAwayLeft(options);
      return;
    }
    try {
      await this.#begin(options, false);
    } catch (error) {
      // A full disk must not keep users from removing files.
      this.#log.critical?.(0, `${(error as Error).message}: changes are not recorded until it can be`);
      this.#beginLater();
    }
  }

  /** Has recording that an earlier process has left end: what comes now is not recorded, and the next to begin must know of that. */
  async #putAwayLeft(options: Options): Promise<void> {
    const dir = options['changelog-dir'];
    if (dir === undefined) return;
    const isLeft = await access(textPath(bytesOfLatin1(`${dir}/${CURRENT}`))).then(
      () => true,
      () => false,
    );
    if (!isLeft) return;
    try {
      await this.#begin(options, false);
      await this.#stop();
    } catch (error) {
      this.#log.error(0, `${(error as Error).message}: the last journal is not put away`);
    }
  }

  /** Tries again to begin, until that succeeds or is not wanted any more. */
  #beginLater(): void {
    const { brick } = this.#layer;
    this.#timers.push(
      brick.timer(RETRY_MS, false, () => {
        const { options } = this.#layer;
        if (this.journal !== null || !options.changelog || this.#ended) return;
        this.#beginning = this.#begin(options, true).then(
          () => this.#log.info(0, 'changes are recorded from now on'),
          (error: unknown) => {
            this.#log.debug(0, (error as Error).message);
            this.#beginLater();
          },
        );
      }),
    );
  }

  /** Once served, the socket is for as long as the brick lives: consumers outlast a while without journals. */
  async #listen(options: Options): Promise<void> {
    if (this.consumers !== null || !(options.changelog || options['changelog-notification'])) return;
    const brick = options['changelog-brick'] ?? this.#layer.brick.name;
    this.consumers = await Consumers.listen(brick, this.#socketDirectory, this.#log);
  }

  /** gap: changes were made that were not recorded: a new index says so. */
  async #begin(options: Options, gap: boolean): Promise<void> {
    const dir = options['changelog-dir'];
    if (dir === undefined) throw new Error(`brick ${this.#layer.brick.name}: changelog-dir is not set`);
    const folder = await ChangelogFolder.open(this.#layer.brick, dir);
    const now = nowSeconds();
    let index: HistoryIndex | null = null;
    try {
      index = await HistoryIndex.open(folder, this.#log, now);
      const whole = await adoptJournals(folder, index, this.#log, now);
      const file = await beginJournal(folder, settingsOf(options), null);
      const fresh = index.records === 0 && index.last >= now;
      if ((gap || !whole) && !fresh) index = await renewed(folder, index, file, this.#log);
      this.#folder = folder;
      this.journal = new Journal(folder, index, file, this.#log, {
        journalComplete: (path) => this.consumers?.tell(ChangelogEvent.journal, journalEvent(path)),
        timer: (delayMs, run) => this.#layer.brick.timer(delayMs, false, run),
      });
      this.#startTimers(options);
    } catch (error) {
      index?.close();
      await folder.close();
      throw new Error(`brick ${this.#layer.brick.name}: ${(error as Error).message}`);
    }
  }

  #startTimers(options: Options): void {
    this.#stopTimers();
    const { brick } = this.#layer;
    let rolling = false;
    const roll = (): void => {
      // One that a slow disk has not finished counts for the next as well.
      if (rolling || this.journal === null) return;
      rolling = true;
      const rolled = this.journal.rollover().finally(() => {
        rolling = false;
      });
      background(rolled, this.#log, 'rollover has failed');
    };
    // Journals are named by the second.
    this.#timers.push(brick.timer(Math.max(options['rollover-time'], 1) * 1000, true, roll));
    const interval = options['fsync-interval'];
    if (interval > 0) this.#timers.push(brick.timer(interval * 1000, true, () => this.journal?.sync()));
  }

  #stopTimers(): void {
    for (const cancel of this.#timers.splice(0)) cancel();
  }

  async reconfigure(before: Options, options: Options): Promise<void> {
    await this.#beginning;
    await this.#listen(options);
    const moved = folderOf(before) !== folderOf(options);
    if (this.journal !== null && (!options.changelog || moved)) await this.#stop();
    if (!options.changelog) return;
    if (this.journal === null) {
      await this.#begin(options, true);
      return;
    }
    this.#startTimers(options);
    const settings = settingsOf(options);
    if (this.journal.has(settings)) return;
    await this.journal.rollover(settings);
    if (!this.journal.has(settings)) throw new Error(`brick ${this.#layer.brick.name}: no new journal can be begun`);
  }

  /** Puts the journal away and records no more. */
  async #stop(): Promise<void> {
    const { journal } = this;
    this.liftBarrier();
    this.#stopTimers();
    this.journal = null;
    await journal?.rollover(null);
    await this.#close(journal);
  }

  async #close(journal: Journal | null): Promise<void> {
    const folder = this.#folder;
    this.#folder = null;
    const snapshot = this.#snapshot;
    this.#snapshot = null;
    const closed = (snapshot?.end() ?? Promise.resolve()).then(() => journal?.close());
    const hangs = !(await withinMs(closed, CLOSE_WAIT_MS));
    if (hangs)
      this.#log.error(0, `${folder?.path}: the last records could not be written in time: closing without them`);
    await folder?.close(hangs ? 0 : CLOSE_WAIT_MS);
  }

  /** The brick ends; the journal is left for its next process to put away. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#beginning;
    const { journal } = this;
    this.liftBarrier();
    this.#stopTimers();
    this.journal = null;
    this.consumers?.close();
    this.consumers = null;
    await this.#close(journal);
  }

  // --- changes --------------------------------------------------------------------------------------------------------

  /**
   * Makes a change and records it; its reply is given when that is in the journal. record: returns the set of records that has it, 0 if none
   * need have it. use: of the names that it changes.
   */
  record<R>(
    wind: () => MaybePromise<R>,
    record: (journal: Journal, reply: R) => number,
    use: NameUse | null = null,
  ): MaybePromise<R> {
    const generation = this.#inFlight.begin();
    let reply: MaybePromise<R>;
    try {
      reply = wind();
    } catch (error) {
      this.#over(generation, use);
      throw error;
    }
    if (!(reply instanceof Promise)) return this.#made(generation, use, reply, record);
    return reply.then(
      (made) => this.#made(generation, use, made, record),
      (error: unknown) => {
        this.#over(generation, use);
        throw error;
      },
    );
  }

  #made<R>(
    generation: Generation,
    use: NameUse | null,
    reply: R,
    record: (journal: Journal, reply: R) => number,
  ): MaybePromise<R> {
    const { journal } = this;
    let set = 0;
    try {
      if (journal !== null) set = record(journal, reply);
    } finally {
      this.#over(generation, use);
    }
    const written = set === 0 || journal === null ? null : journal.written(set);
    return written === null ? reply : written.then(() => reply);
  }

  #over(generation: Generation, use: NameUse | null): void {
    generation.end();
    use?.end();
  }

  /** The path of what is about to be removed, relative to the volume's root; '' if it is not known. */
  removedPath(parent: Inode, name: string): MaybePromise<string> {
    const folder = this.#folder;
    const brick = this.#layer.options['changelog-brick'] ?? this.#layer.brick.name;
    return folder === null ? '' : removedPath(folder, latin1OfBytes(brick), parent, name);
  }

  // --- snapshots ------------------------------------------------------------------------------------------------------

  /** Names a file that is about to be written to while a snapshot is taken; null: none is. */
  nameForSnapshot(gfid: Gfid): Promise<void> | null {
    return this.#snapshot !== null && this.barrier.up ? this.#snapshot.add(gfid) : null;
  }

  /**
   * Raises or lifts the barrier of a snapshot. Raised: entries are changed no more, and all that was changed before is in a journal
   * that is complete. Rejects with a BrickError.
   */
  async setBarrier(enable: boolean): Promise<void> {
    if (this.journal === null) {
      this.#log.warning(0, `changelog is not active: barrier ${enable ? 'on' : 'off'} does nothing`);
      return;
    }
    if (enable) await this.#raiseBarrier(this.journal);
    else await this.#lowerBarrier();
  }

  async #raiseBarrier(journal: Journal): Promise<void> {
    const { brick, options } = this.#layer;
    const folder = this.#folder;
    if (this.#snapshot !== null || this.barrier.up || folder === null) {
      this.#log.error(0, 'Received another barrier on notification when last one is not served yet');
      throw new BrickError('BARRIER_REFUSED', brick.name);
    }
    this.barrier.raise();
    this.#cancelBarrierTimeout = brick.timer(options['changelog-barrier-timeout'] * 1000, false, () => {
      this.#log.error(0, 'Disabling changelog barrier because of the timeout.');
      this.liftBarrier();
    });
    try {
      this.#snapshot = await SnapshotJournal.begin(folder, this.#log, options.encoding);
    } catch (error) {
      this.liftBarrier();
      throw error;
    }
    this.#log.info(0, 'Enabled changelog barrier');
    await this.#inFlight.drained();
    const indexed = await journal.rollover();
    if (!indexed) throw new BrickError('BARRIER_REFUSED', brick.name);
  }

  async #lowerBarrier(): Promise<void> {
    const snapshot = this.#snapshot;
    if (snapshot === null) {
      this.#log.error(0, 'Received another barrier off notification while already off');
      throw new BrickError('BARRIER_REFUSED', this.#layer.brick.name);
    }
    const held = this.barrier.up;
    this.liftBarrier();
    this.#snapshot = null;
    await snapshot.end();
    if (!held) {
      this.#log.error(
        0,
        'Changelog barrier was lifted by its timeout: the snapshot may have changes that its journals lack',
      );
      throw new BrickError('BARRIER_REFUSED', this.#layer.brick.name);
    }
    this.#log.info(0, 'Disabled changelog barrier');
  }

  liftBarrier(): void {
    this.#cancelBarrierTimeout?.();
    this.#cancelBarrierTimeout = null;
    if (this.barrier.up) this.barrier.lift();
  }

  // --- what it tells --------------------------------------------------------------------------------------------------

  numbers(): ChangelogNumbers | null {
    const { journal, consumers } = this;
    if (!this.#layer.options.changelog) return null;
    return {
      records: journal?.records ?? 0,
      bytes: journal?.bytes ?? 0,
      rollovers: journal?.rollovers ?? 0,
      rolloverSec: (journal?.rolloverMs ?? 0) / 1000,
      failing: journal?.refusing ?? true,
      consumers: consumers?.connected ?? 0,
      lagSec: (consumers?.lagMs ?? 0) / 1000,
    };
  }

  dump(): string[] {
    const { journal, consumers, barrier } = this;
    return [
      `changelog.active=${journal === null ? 0 : 1}`,
      `changelog.slice=${journal?.slice ?? 0}`,
      `changelog.journal_bytes=${journal?.size ?? 0}`,
      `changelog.records=${journal?.records ?? 0}`,
      `changelog.rollovers=${journal?.rollovers ?? 0}`,
      `changelog.index=${journal?.index.name ?? ''}`,
      `changelog.consumers=${consumers?.connected ?? 0}`,
      `changelog.events_waiting=${consumers?.waiting ?? 0}`,
      `changelog.barrier_enabled=${barrier.up ? 1 : 0}`,
      `changelog.barrier_queue_size=${barrier.waiting}`,
    ];
  }
}

/** Begins an index in place of one that a gap follows; without it the journal is not begun either. */
async function renewed(
  folder: ChangelogFolder,
  index: HistoryIndex,
  file: JournalFile,
  log: Logger,
): Promise<HistoryIndex> {
  try {
    const fresh = await HistoryIndex.create(folder, log, index.next(nowSeconds()));
    index.close();
    return fresh;
  } catch (error) {
    folder.closeFile(file.fd);
    await endJournal(folder, null);
    throw error;
  }
}

const folderOf = (options: Options): string => {
  const dir = options['changelog-dir'];
  return dir === undefined ? '' : latin1OfBytes(dir);
};
