/** The files of a brick's journals: the one that is written, how it is put away, and what an earlier process has left. */
import type { Logger } from '../../../../mux/base/log.js';
import { type Batch, batch } from '../../../../native/batch.js';
import { EEXIST, ENOENT } from '../../../../native/errno.js';
import { CLEANUP, IGNORE, reg } from '../../../../native/layout.js';
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, RENAME_NOREPLACE } from '../../../../native/linux.js';
import { region } from '../../../../native/memory.js';
import { type ChangelogFolder, FolderError, JOURNAL_LANE } from './changelog-folder.js';
import { type HistoryIndex, journalName, timeOf } from './history-index.js';
import { type Encoding, headerOf } from './records.js';
import { RecordScanner } from './torn-record.js';

/** The journal that is written. Where it is missing, changes may not have been recorded. */
export const CURRENT = 'CHANGELOG';
/** The next one, until it has its header. */
const NEXT = 'CHANGELOG.next';
const FILE_MODE = 0o644;
const DIR_MODE = 0o600;
const SCAN_BYTES = 1 << 20;
const DAY_MS = 86_400_000;
/** Days from that of the index's last record on in which a journal may lie that the index lacks. */
const LOST_DAYS = 2;

export interface JournalSettings {
  readonly encoding: Encoding;
  /** Each write waits for the disk. */
  readonly synchronous: boolean;
}

export const sameSettings = (a: JournalSettings, b: JournalSettings): boolean =>
  a.encoding === b.encoding && a.synchronous === b.synchronous;

/** The journal that is written, open. */
export interface JournalFile {
  readonly fd: number;
  readonly settings: JournalSettings;
  size: number;
}

export const isEmpty = (file: JournalFile): boolean => file.size <= headerOf(file.settings.encoding).length;

/** Adds ops that rename the current journal to its final name, creating the day's folders if needed. */
function putAway(b: Batch, folder: ChangelogFolder, seconds: number): void {
  const name = journalName(seconds);
  for (const length of [4, 7, 10]) b.mkdir(folder.fd, name.slice(0, length), DIR_MODE, IGNORE);
  b.rename(folder.fd, CURRENT, folder.fd, name, RENAME_NOREPLACE);
}

/**
 * Begins a journal in place of the one that is written. seconds: puts that away as the journal of this time first; null: there is none, or
 * it is replaced. Should anything fail, all is as before. Rejects with a {@link FolderError}.
 */
export async function beginJournal(
  folder: ChangelogFolder,
  settings: JournalSettings,
  seconds: number | null,
): Promise<JournalFile> {
  const header = Buffer.from(headerOf(settings.encoding), 'latin1');
  const b = batch();
  const flags = O_CREAT | O_RDWR | O_TRUNC | (settings.synchronous ? O_SYNC : 0);
  const opened = b.open(folder.fd, NEXT, flags, FILE_MODE);
  b.pwrite(reg(opened), b.blob(header), header.length, 0);
  if (seconds !== null) putAway(b, folder, seconds);
  b.rename(folder.fd, NEXT, folder.fd, CURRENT);
  if (seconds !== null) b.rename(folder.fd, journalName(seconds), folder.fd, CURRENT, RENAME_NOREPLACE, CLEANUP);
  b.unlink(folder.fd, NEXT, 0, CLEANUP);
  b.close(reg(opened), CLEANUP);
  await folder.run(b, JOURNAL_LANE);
  const fd = b.result(opened);
  const { errno } = b;
  b.release();
  if (errno !== 0) throw new FolderError('beginning a journal in', folder.path, errno);
  return { fd, settings, size: header.length };
}

/** Puts the written journal away as that of a time, and begins none; null: removes it. Rejects with a {@link FolderError}. */
export async function endJournal(folder: ChangelogFolder, seconds: number | null): Promise<void> {
  const errno = await folder.errnoOf((b) => {
    if (seconds === null) b.unlink(folder.fd, CURRENT);
    else putAway(b, folder, seconds);
  }, JOURNAL_LANE);
  if (errno !== 0 && errno !== ENOENT) throw new FolderError('ending the journal in', folder.path, errno);
}

/**
 * Enters what an earlier process has left into the index: journals that were put away only just before it ended, and the one that it
 * was writing, without a record that is cut short. False: it was writing none, and changes may have been made since that nobody has
 * recorded. Rejects with a {@link FolderError}.
 */
export async function adoptJournals(
  folder: ChangelogFolder,
  index: HistoryIndex,
  log: Logger,
  now: number,
): Promise<boolean> {
  // The next one is there for a moment only, in which the one before it may have been put away already.
  const changing = (await folder.errnoOf((b) => b.unlink(folder.fd, NEXT))) === 0;
  for (const seconds of await lostJournals(folder, index.last)) {
    log.warning(0, `${journalName(seconds)} is missing in the index: added`);
    await index.add(seconds, false);
  }
  const seconds = index.next(now);
  const left = await cutTornRecord(folder, log);
  if (left === null) return changing;
  await endJournal(folder, left === 0 ? null : seconds);
  await index.add(seconds, left === 0);
  return true;
}

/** Times of journals behind the last one of the index. */
async function lostJournals(folder: ChangelogFolder, last: number): Promise<number[]> {
  const found: number[] = [];
  for (let day = 0; day < LOST_DAYS; day++) {
    const name = journalName(Math.floor((last * 1000 + day * DAY_MS) / 1000));
    const names = await folder.list(name.slice(0, 10), O_RDONLY | O_DIRECTORY, (entry) =>
      entry.startsWith('CHANGELOG.'),
    );
    found.push(...names.map(timeOf).filter((seconds) => seconds > last));
  }
  return found.sort((a, b) => a - b);
}

/** Records in the journal of an earlier process; an incomplete last record is cut off. Null: there is none. */
async function cutTornRecord(folder: ChangelogFolder, log: Logger): Promise<number | null> {
  const where = `${folder.path}/${CURRENT}`;
  const fd = await folder.openFile(CURRENT, O_RDWR);
  if (fd === -ENOENT) return null;
  if (fd < 0) throw new FolderError('opening', where, -fd);
  const memory = region(SCAN_BYTES);
  try {
    const scanner = new RecordScanner();
    let at = 0;
    for (;;) {
      const n = await folder.read(fd, memory, SCAN_BYTES, at);
      if (n < 0) throw new FolderError('reading', where, -n);
      if (n === 0) break;
      at += n;
      if (!scanner.push(memory.bytes.subarray(0, n))) break;
    }
    const size = await folder.sizeOf(fd);
    if (size > scanner.end) {
      log.warning(0, `${where}: ${size - scanner.end} bytes behind the last whole record dropped`);
      const errno = await folder.errnoOf((b) => {
        b.truncate(fd, scanner.end);
        b.fsync(fd);
      });
      if (errno !== 0) throw new FolderError('cutting', where, errno);
    }
    return scanner.records;
  } finally {
    memory.release();
    folder.closeFile(fd);
  }
}

/** Whether a failure of {@link beginJournal} is that a journal of that time is there already. */
export const isTaken = (error: unknown): boolean => error instanceof FolderError && error.errno === EEXIST;
