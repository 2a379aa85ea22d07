/**
 * The pidfile. It stays locked while the process lives, so that a second process with the same pidfile notices before
 * it changes anything.
 */
import { closeSync, constants, ftruncateSync, writeSync } from 'node:fs';
import { openOwnFile, PUBLIC_MODE } from '../../mux/base/own-files.js';
import { addon } from '../../native/addon.js';
import type { ByteString } from '../../native/bytes.js';
import { EIO } from '../../native/errno.js';
import { errorText } from '../log/sink.js';

/** msgid: Gluster's number of the message, whose text is `message`. */
export class PidfileError extends Error {
  readonly msgid: number;
  readonly errno: number;
  /** The file could not even be opened. */
  readonly unopened: boolean;

  constructor(msgid: number, message: string, errno: number, unopened = false) {
    super(message);
    this.msgid = msgid;
    this.errno = errno;
    this.unopened = unopened;
  }
}

const errnoOfError = (error: unknown): number => -((error as NodeJS.ErrnoException).errno ?? -EIO);

export class Pidfile {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Throws PidfileError; a file that another process holds is left as it is. */
  static take(path: ByteString): Pidfile {
    let fd: number;
    try {
      fd = openOwnFile(path, constants.O_RDWR | constants.O_APPEND, PUBLIC_MODE);
    } catch (error) {
      throw new PidfileError(100017, `pidfile open failed [{pidfile=${path}}]`, errnoOfError(error), true);
    }
    const locked = addon.lockFile(fd);
    if (locked < 0) {
      closeSync(fd);
      throw new PidfileError(100018, `pidfile lock failed: another process holds it [{pidfile=${path}}]`, -locked);
    }
    try {
      ftruncateSync(fd, 0);
      writeSync(fd, `${process.pid}\n`);
    } catch (error) {
      const errno = errnoOfError(error);
      closeSync(fd);
      throw new PidfileError(100021, `pidfile write failed (${errorText(errno)}) [{pidfile=${path}}]`, errno);
    }
    return new Pidfile(fd);
  }

  /** Gives the lock up. The file stays: glusterd removes it. */
  release(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }
}
