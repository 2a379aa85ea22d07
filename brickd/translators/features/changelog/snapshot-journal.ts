/**
 * csnap/CHANGELOG.SNAP: the files that are written to while a snapshot is taken. Data is not held back meanwhile, and which of the
 * changes are in the snapshot is not known: a file is named here before it is changed. Records are texts in any encoding.
 */
import type { Logger } from '../../../../mux/base/log.js';
import type { Gfid } from '../../../../mux/xlator/gfid.js';
import { batch } from '../../../../native/batch.js';
import { O_CREAT, O_RDWR, O_TRUNC } from '../../../../native/linux.js';
import { type Collector, endOfTurn } from '../../../../native/turn.js';
import { type ChangelogFolder, FolderError } from './changelog-folder.js';
import { Chunk, type Encoding, headerOf, Letter, RecordWriter } from './records.js';

const NAME = 'csnap/CHANGELOG.SNAP';
const FILE_MODE = 0o644;

export class SnapshotJournal implements Collector {
  readonly #folder: ChangelogFolder;
  readonly #log: Logger;
  readonly #fd: number;
  readonly #writer = new RecordWriter();
  #size: number;
  #chunks: Chunk[] = [];
  /** Of what the present turn adds. */
  #added: { written: Promise<void>; resolve: () => void } | null = null;
  #last: Promise<void> = Promise.resolve();

  private constructor(folder: ChangelogFolder, log: Logger, fd: number, size: number) {
    this.#folder = folder;
    this.#log = log;
    this.#fd = fd;
    this.#size = size;
  }

  /** Begins it again. Rejects with a {@link FolderError}. */
  static async begin(folder: ChangelogFolder, log: Logger, encoding: Encoding): Promise<SnapshotJournal> {
    const fd = await folder.openFile(NAME, O_CREAT | O_RDWR | O_TRUNC, FILE_MODE);
    if (fd < 0) throw new FolderError('opening', `${folder.path}/${NAME}`, -fd);
    const header = Buffer.from(headerOf(encoding), 'latin1');
    const errno = await folder.errnoOf((b) => b.pwrite(fd, b.blob(header), header.length, 0));
    if (errno !== 0) {
      folder.closeFile(fd);
      throw new FolderError('writing', `${folder.path}/${NAME}`, errno);
    }
    log.info(0, 'starting call-path changelog of a snapshot');
    return new SnapshotJournal(folder, log, fd, header.length);
  }

  /** Resolves when the file is recorded. A failure is logged, and the write continues. */
  add(gfid: Gfid): Promise<void> {
    if (this.#added === null) {
      let resolve = (): void => {};
      const written = new Promise<void>((r) => {
        resolve = r;
      });
      this.#added = { written, resolve };
      endOfTurn.writes.add(this);
    }
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || !chunk.hasRoom) {
      chunk = new Chunk();
      this.#chunks.push(chunk);
    }
    this.#writer.begin(chunk, 'ascii', Letter.data, gfid).end();
    return this.#added.written;
  }

  endOfTurn(): void {
    const added = this.#added;
    const chunks = this.#chunks;
    this.#added = null;
    this.#chunks = [];
    if (added === null) return;
    this.#last = this.#last.then(() => this.#write(chunks)).then(added.resolve);
  }

  async #write(chunks: Chunk[]): Promise<void> {
    for (const chunk of chunks) {
      const b = batch();
      b.pwrite(this.#fd, chunk.region.address, chunk.length, this.#size);
      await this.#folder.run(b);
      const written = b.result(0);
      b.release();
      if (written === chunk.length) this.#size += written;
      else this.#log.error(0, `${this.#folder.path}/${NAME}: writing failed`, written < 0 ? -written : 0);
      chunk.region.release();
    }
  }

  async end(): Promise<void> {
    while (this.#added !== null) await this.#added.written;
    await this.#last;
    this.#folder.closeFile(this.#fd);
    this.#log.info(0, 'Stopped call-path changelog of a snapshot');
  }
}
