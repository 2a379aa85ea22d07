/**
 * Creates the daemon's own files and directories, outside of bricks. It runs as root, also in directories where others
 * may write: it sets the mode of every file itself, writes only to files that it has just created, and follows no
 * symlinks of other users.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type ByteString, bytesOfLatin1, fsPath, latin1OfBytes, textOfBytes } from '../../native/bytes.js';
import { O_PATH, S_IWGRP, S_IWOTH } from '../../native/linux.js';

/** Modes of files that only the daemon reads, and of those that everybody may read. */
export const PRIVATE_MODE = 0o600;
export const PUBLIC_MODE = 0o644;
export const DIRECTORY_MODE = 0o755;

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** Bytes of a draft's name that are the file's own: with the rest it is within the 255 of the longest name. */
const DRAFT_NAME_BYTES = 200;

const parentOf = (path: ByteString): ByteString => bytesOfLatin1(dirname(latin1OfBytes(path)));

/** Whether nobody but root and this user can put something into a directory. */
function isOurs(directory: ByteString): boolean {
  const { uid, mode } = statSync(fsPath(directory));
  return (uid === 0 || uid === process.geteuid?.()) && (mode & (S_IWGRP | S_IWOTH)) === 0;
}

/**
 * Opens a file that is kept (a log, a pidfile, a lock), and makes it if there is none. flags: besides O_CREAT. Throws the error of
 * open(2); ELOOP for a symlink in a directory where others may write.
 */
export function openOwnFile(path: ByteString, flags: number, mode: number): number {
  try {
    return openSync(fsPath(path), flags | O_CREAT | O_NOFOLLOW, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP' || !isOurs(parentOf(path))) throw error;
    return openSync(fsPath(path), flags | O_CREAT, mode);
  }
}

function draftOf(path: ByteString): ByteString {
  const name = basename(latin1OfBytes(path)).slice(0, DRAFT_NAME_BYTES);
  return bytesOfLatin1(`${parentOf(path)}/.${name}.${randomBytes(6).toString('base64url')}`);
}

/** Replaces the content of a file atomically: a reader sees the old or the new one. Throws the file system's error. */
export function replaceOwnFile(path: ByteString, content: ByteString, mode: number): void {
  const draft = draftOf(path);
  const fd = openSync(fsPath(draft), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
  try {
    // Whatever the umask is.
    fchmodSync(fd, mode);
    writeFileSync(fd, latin1OfBytes(content), 'latin1');
    renameSync(fsPath(draft), fsPath(path));
  } catch (error) {
    rmSync(fsPath(draft), { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The same without blocking the thread. */
export async function replaceOwnFileLater(path: ByteString, content: ByteString, mode: number): Promise<void> {
  const draft = draftOf(path);
  const file = await open(fsPath(draft), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
  try {
    await file.chmod(mode);
    await file.writeFile(latin1OfBytes(content), 'latin1');
    await rename(fsPath(draft), fsPath(path));
  } catch (error) {
    await rm(fsPath(draft), { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** mkdir -p. (The recursive mkdirSync of Node does not end in directories like /proc.) */
export function makeOwnDirectory(path: ByteString, mode = DIRECTORY_MODE): void {
  if (existsSync(fsPath(path))) return;
  makeOwnDirectory(parentOf(path));
  mkdirSync(fsPath(path), { mode });
}

export async function makeOwnDirectoryLater(path: ByteString, mode = DIRECTORY_MODE): Promise<void> {
  await mkdir(fsPath(path), { recursive: true, mode });
}

/** Sets the mode of a socket that was just bound, not of what somebody has put in its place. */
export function chmodOwnSocket(path: ByteString, mode: number): void {
  const fd = openSync(fsPath(path), O_PATH | O_NOFOLLOW);
  try {
    if (!fstatSync(fd).isSocket()) throw new Error(`${textOfBytes(path)} is no longer a socket`);
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}
