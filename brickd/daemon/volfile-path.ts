/** Reads volfiles that glusterd names by their path on the local disk. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type ByteString, bytesOfText, fsPath, latin1OfBytes } from '../../native/bytes.js';

/** No volfile of a brick is anywhere near as long. */
const LONGEST_BYTES = 16 << 20;

/**
 * The id by which glusterd gives the volfile at a path: the name of the file without its suffix; for a brick of a snapshot
 * the path from its last `/snaps/` on.
 */
export function volfileIdOf(path: ByteString): string {
  const name = latin1OfBytes(path);
  const [snapshot = basename(name)] = /\/snaps\/[^/]+\/[^/]+\/[^/]+$/.exec(name) ?? [];
  return snapshot.replace(/\.vol$/, '');
}

/** Text of a volfile. Throws an Error that names the path. */
export function readVolfile(path: ByteString): string {
  let fd: number;
  try {
    // A FIFO without a writer must not keep the process waiting.
    fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(`volfile ${path} cannot be read: ${bytesOfText((error as Error).message)}`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error(`volfile ${path} is not a regular file`);
    if (stat.size > LONGEST_BYTES) throw new Error(`volfile ${path} is longer than ${LONGEST_BYTES} bytes`);
    return readFileSync(fd, 'latin1');
  } finally {
    closeSync(fd);
  }
}
