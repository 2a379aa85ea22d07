/**
 * HTIME: the index of all journals since changes have been recorded without a gap, which consumers search by time. Each rollover adds
 * the journal's full path and a NUL; records of one index have one length. An empty slice has a record, too, but no file: its name is
 * spelled in lower case. An xattr of the file has the time of the last record and their number. It is written after the record, so
 * that it never counts one that is not there; where a killed process has left it behind, the next one sets it right.
 */
import type { Logger } from '../../../../mux/base/log.js';
import { defined } from '../../../../native/assert.js';
import { batch } from '../../../../native/batch.js';
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_SYNC } from '../../../../native/linux.js';
import { region } from '../../../../native/memory.js';
import { type ChangelogFolder, FolderError } from './changelog-folder.js';

/** Of the folder: the name of the index that is written. */
const CURRENT_KEY = 'trusted.glusterfs.current_htime';
/** Of an index: `<time of its last record>:<number of records>`. */
const TOTALS_KEY = 'trusted.glusterfs.htime';
const FILE_MODE = 0o644;
/** Room for the longest path. */
const TAIL_BYTES = 8192;
/** Records that wait for a disk that is full: more are given up, with the whole index. */
const MAX_WAITING = 1000;

const NAME = /^HTIME\.(\d+)$/;

/** Where a journal of a time is, relative to the changelog's folder: below the day in UTC. */
export function journalName(seconds: number): string {
  const day = new Date(seconds * 1000).toISOString().slice(0, 10).replaceAll('-', '/');
  return `${day}/CHANGELOG.${seconds}`;
}

/** The time in a record, or in the name of a journal; 0 if it has none. */
export function timeOf(record: string): number {
  const digits = /\.(\d+)$/.exec(record)?.[1];
  return digits === undefined ? 0 : Number(digits);
}

/** What is at the end of an index. */
interface Tail {
  size: number;
  records: number;
  last: number;
}

export class HistoryIndex {
  readonly #folder: ChangelogFolder;
  readonly #log: Logger;
  readonly #fd: number;
  readonly name: string;
  #size: number;
  #records: number;
  /** Time of the last record; of the index itself while it has none. */
  #last: number;
  /** Not yet written: the disk refuses them. */
  #waiting: { path: string; seconds: number }[] = [];
  /** It lacks a journal: a new one has to be begun. */
  broken = false;

  private constructor(folder: ChangelogFolder, log: Logger, fd: number, name: string, tail: Tail) {
    this.#folder = folder;
    this.#log = log;
    this.#fd = fd;
    this.name = name;
    this.#size = tail.size;
    this.#records = tail.records;
    this.#last = tail.last;
  }

  get last(): number {
    return this.#last;
  }

  get records(): number {
    return this.#records;
  }

  /** Begins a new index. Rejects with a {@link FolderError}. */
  static async create(folder: ChangelogFolder, log: Logger, seconds: number): Promise<HistoryIndex> {
    const name = `HTIME.${seconds}`;
    const fd = await folder.openFile(`htime/${name}`, O_CREAT | O_RDWR | O_SYNC, FILE_MODE);
    if (fd < 0) throw new FolderError('creating', `${folder.path}/htime/${name}`, -fd);
    const errno =
      (await folder.setXattr(fd, TOTALS_KEY, '0:0')) ||
      (await folder.errnoOf((b) => b.fsync(fd))) ||
      (await setCurrent(folder, name));
    if (errno !== 0) {
      folder.closeFile(fd);
      throw new FolderError('creating', `${folder.path}/htime/${name}`, errno);
    }
    log.info(0, `Creating new HTIME changelog file [{name=${seconds}}]`);
    return new HistoryIndex(folder, log, fd, name, { size: 0, records: 0, last: seconds });
  }

  /** Continues the last index, or starts the first one. Rejects with a {@link FolderError}. */
  static async open(folder: ChangelogFolder, log: Logger, seconds: number): Promise<HistoryIndex> {
    const name = await currentName(folder, log);
    if (name === null) return HistoryIndex.create(folder, log, seconds);
    const fd = await folder.openFile(`htime/${name}`, O_RDWR | O_SYNC);
    if (fd < 0) {
      log.error(0, `${folder.path}/htime/${name} cannot be opened: beginning a new index`, -fd);
      return HistoryIndex.create(folder, log, seconds);
    }
    try {
      const tail = await repaired(folder, log, fd, name);
      log.info(0, `HTIME_CURRENT [{path=${name}}, {records=${tail.records}}, {last=${tail.last}}]`);
      return new HistoryIndex(folder, log, fd, name, tail);
    } catch (error) {
      folder.closeFile(fd);
      throw error;
    }
  }

  close(): void {
    this.#folder.closeFile(this.#fd);
  }

  /** A time for the next journal: the clock's, but behind that of the last one. */
  next(now: number): number {
    return Math.max(now, this.#last + 1);
  }

  /** Adds the journal of a time. empty: it has no file. True: it is in the index; else it is kept for later. */
  async add(seconds: number, empty: boolean): Promise<boolean> {
    const name = journalName(seconds);
    const path = `${this.#folder.path}/${empty ? name.replace('CHANGELOG', 'changelog') : name}`;
    this.#last = seconds;
    if (this.#waiting.length === MAX_WAITING) {
      if (!this.broken) this.#log.error(0, `${this.name}: too many records wait for the disk: the index has a gap`);
      this.broken = true;
      return false;
    }
    this.#waiting.push({ path, seconds });
    return this.#write();
  }

  async #write(): Promise<boolean> {
    while (this.#waiting.length > 0) {
      const { path, seconds } = defined(this.#waiting[0], 'records that wait are listed');
      const record = Buffer.from(`${path}\0`, 'latin1');
      const b = batch();
      b.pwrite(this.#fd, b.blob(record), record.length, this.#size);
      const totals = `${seconds}:${this.#records + 1}`;
      await this.#folder.run(b);
      const written = b.result(0);
      b.release();
      if (written !== record.length) {
        this.#log.error(0, `${this.name}: a record could not be written`, written < 0 ? -written : 0);
        return false;
      }
      this.#size += record.length;
      this.#records++;
      this.#waiting.shift();
      const errno = await this.#folder.setXattr(this.#fd, TOTALS_KEY, totals);
      if (errno !== 0) this.#log.error(0, `${this.name}: ${TOTALS_KEY} could not be set`, errno);
    }
    return true;
  }
}

async function setCurrent(folder: ChangelogFolder, name: string): Promise<number> {
  const dir = await folder.openFile('htime', O_RDONLY | O_DIRECTORY);
  if (dir < 0) return -dir;
  const errno = (await folder.setXattr(dir, CURRENT_KEY, name)) || (await folder.errnoOf((b) => b.fsync(dir)));
  folder.closeFile(dir);
  return errno;
}

/** Name of the current index; null: there is none yet. */
async function currentName(folder: ChangelogFolder, log: Logger): Promise<string | null> {
  const dir = await folder.openFile('htime', O_RDONLY | O_DIRECTORY);
  if (dir < 0) throw new FolderError('opening', `${folder.path}/htime`, -dir);
  const name = await folder.xattr(dir, CURRENT_KEY);
  folder.closeFile(dir);
  if (name !== null && NAME.test(name)) return name;
  // Written before there was such an xattr, or copied without it.
  const names = await folder.list('htime', O_RDONLY | O_DIRECTORY, (entry) => NAME.test(entry));
  const latest = names.sort((a, b) => timeOf(a) - timeOf(b)).at(-1);
  if (latest === undefined) return null;
  log.warning(0, `${folder.path}/htime does not say which index is written: going on with ${latest}`);
  const errno = await setCurrent(folder, latest);
  if (errno !== 0) throw new FolderError(`setting ${CURRENT_KEY} of`, `${folder.path}/htime`, errno);
  return latest;
}

/** Drops a record that was cut short, and has the xattr say what there is. Rejects with a {@link FolderError}. */
async function repaired(folder: ChangelogFolder, log: Logger, fd: number, name: string): Promise<Tail> {
  const where = `${folder.path}/htime/${name}`;
  const size = await folder.sizeOf(fd);
  if (size < 0) throw new FolderError('reading', where, -size);
  const totals = await folder.xattr(fd, TOTALS_KEY);
  const [, said = '0', counted = '0'] = /^(\d+):(\d+)$/.exec(totals ?? '') ?? [];
  const tail = await readTail(folder, fd, size, where);
  if (tail.end < size) {
    log.warning(0, `${name}: the last record is cut short: dropped`);
    const errno = await folder.errnoOf((b) => b.truncate(fd, tail.end));
    if (errno !== 0) throw new FolderError('cutting', where, errno);
  }
  const records = tail.recordBytes === 0 ? 0 : tail.end / tail.recordBytes;
  // Records of several lengths (of an earlier release's layout) are not counted again.
  const known = Number.isInteger(records) ? records : Number(counted);
  const last = tail.last === 0 ? Number(said) : tail.last;
  if (totals !== `${last}:${known}`) {
    log.warning(0, `${name}: the index has ${known} records and not what its xattr says: set right`);
    const errno = await folder.setXattr(fd, TOTALS_KEY, `${last}:${known}`);
    if (errno !== 0) throw new FolderError('setting an xattr of', where, errno);
  }
  return { size: tail.end, records: known, last: Math.max(last, timeOf(name)) };
}

interface ReadTail {
  /** Offset behind the last whole record. */
  end: number;
  /** Length of the first record; 0 if there is none. */
  recordBytes: number;
  last: number;
}

async function readTail(folder: ChangelogFolder, fd: number, size: number, where: string): Promise<ReadTail> {
  const memory = region(TAIL_BYTES);
  try {
    const n = await folder.read(fd, memory, TAIL_BYTES, 0);
    if (n < 0) throw new FolderError('reading', where, -n);
    const recordBytes = memory.bytes.subarray(0, n).indexOf(0) + 1;
    if (recordBytes === 0) return { end: 0, recordBytes, last: 0 };
    const from = Math.max(0, size - TAIL_BYTES);
    const m = await folder.read(fd, memory, TAIL_BYTES, from);
    if (m < 0) throw new FolderError('reading', where, -m);
    const bytes = memory.bytes.subarray(0, m);
    let nul = bytes.lastIndexOf(0);
    // Zeros that a loss of power has left.
    while (nul > 0 && bytes[nul - 1] === 0) nul--;
    const start = nul < 1 ? 0 : bytes.lastIndexOf(0, nul - 1) + 1;
    return { end: from + nul + 1, recordBytes, last: timeOf(bytes.latin1Slice(start, nul)) };
  } finally {
    memory.release();
  }
}
