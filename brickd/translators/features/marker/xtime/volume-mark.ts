/**
 * The mark of the volume as geo-replication asks for it: the volume's id, and the time of the file by which glusterd tells that
 * changes are being marked. A file that is missing tells that they are not, or not without holes.
 */
import { open, stat, unlink } from 'node:fs/promises';
import type { Logger } from '../../../../../mux/base/log.js';
import { failure } from '../../../../../mux/xlator/fop-error.js';
import type { Gfid } from '../../../../../mux/xlator/gfid.js';
import { EIO, ENOENT, errnoName } from '../../../../../native/errno.js';
import { O_TRUNC, O_WRONLY } from '../../../../../native/linux.js';

const MAJOR = 1;
const MINOR = 0;
const UUID_AT = 2;
const MISSING_AT = UUID_AT + 16;
const SEC_AT = MISSING_AT + 1;
const USEC_AT = SEC_AT + 4;
const BYTES = USEC_AT + 4;

/** Errno of what node:fs has thrown. */
function errnoOfNode(thrown: unknown): number {
  const { errno } = thrown as NodeJS.ErrnoException;
  if (typeof errno !== 'number') throw thrown;
  return errno === 0 ? EIO : Math.abs(errno);
}

export class VolumeMark {
  readonly #volume: Gfid;
  readonly #file: Buffer;
  readonly #log: Logger;

  /** file: its path, as a byte string. */
  constructor(volume: Gfid, file: string, log: Logger) {
    this.#volume = volume;
    this.#file = Buffer.from(file, 'latin1');
    this.#log = log;
  }

  async read(): Promise<Uint8Array> {
    const mark = Buffer.alloc(BYTES);
    mark[0] = MAJOR;
    mark[1] = MINOR;
    mark.set(this.#volume, UUID_AT);
    try {
      const { mtimeNs } = await stat(this.#file, { bigint: true });
      const usec = mtimeNs / 1000n;
      mark.writeUInt32BE(Number(BigInt.asUintN(32, usec / 1_000_000n)), SEC_AT);
      mark.writeUInt32BE(Number(usec % 1_000_000n), USEC_AT);
    } catch (thrown) {
      errnoOfNode(thrown);
      mark[MISSING_AT] = 1;
    }
    return mark;
  }

  /** Sets its time to now. A missing file stays missing. */
  async reset(): Promise<void> {
    try {
      await (await open(this.#file, O_WRONLY | O_TRUNC)).close();
    } catch (thrown) {
      const errno = errnoOfNode(thrown);
      if (errno === ENOENT) return;
      this.#log.error(0, `${this.#file.toString()} could not be reset: ${errnoName(errno)}`);
      throw failure(errno);
    }
  }

  /** Tells from now on that the marks have holes, until indexing is switched on again. */
  async remove(): Promise<void> {
    try {
      await unlink(this.#file);
    } catch (thrown) {
      const errno = errnoOfNode(thrown);
      if (errno !== ENOENT) {
        this.#log.error(0, `${this.#file.toString()} could not be removed: ${errnoName(errno)}`);
      }
    }
  }
}
