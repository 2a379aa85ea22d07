/**
 * Files and directories that the daemon makes for itself, outside bricks. It runs as root, and in places where others may write: it
 * gives every file its mode by itself, writes new content only to a file that it has just made, and follows no symlink that
 * somebody else could have put there.
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
import { basename, dirname, join } from 'node:path';
import { addon } from '../native/addon.js';

/** What only the daemon reads, and what everybody may. */
export const PRIVATE_MODE = 0o600;
export const PUBLIC_MODE = 0o644;
export const DIRECTORY_MODE = 0o755;

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const GROUP_AND_OTHERS_WRITE = 0o022;

/** A text as a byte string, one char a byte, which is what paths and contents are here. */
export const byteString = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const bytes = (path: string): Buffer => Buffer.from(path, 'latin1');

/** Whether nobody but root and this user can put something into a directory. */
function isOurs(directory: string): boolean {
  const { uid, mode } = statSync(bytes(directory));
  return (uid === 0 || uid === process.geteuid?.()) && (mode & GROUP_AND_OTHERS_WRITE) === 0;
}

/**
 * Opens a file that is kept (a log, a pidfile, a lock), and makes it if there is none. flags: besides O_CREAT. Throws the error of
 * open(2); ELOOP for a symlink in a directory where others may write.
 */
export function openOwnFile(path: string, flags: number, mode: number): number {
  try {
    return openSync(bytes(path), flags | O_CREAT | O_NOFOLLOW, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP' || !isOurs(dirname(path))) throw error;
    return openSync(bytes(path), flags | O_CREAT, mode);
  }
}

const draftOf = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('base64url')}`);

/** Gives a file new content in one step: whoever reads it sees the old or the new. Throws the error of the file system. */
export function replaceOwnFile(path: string, text: string, mode: number): void {
  const draft = draftOf(path);
  const fd = openSync(bytes(draft), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
  try {
    // Whatever the umask is.
    fchmodSync(fd, mode);
    writeFileSync(fd, text, 'latin1');
    renameSync(bytes(draft), bytes(path));
  } catch (error) {
    rmSync(bytes(draft), { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The same where the thread must not wait for a disk. */
export async function replaceOwnFileLater(path: string, text: string, mode: number): Promise<void> {
  const draft = draftOf(path);
  const file = await open(bytes(draft), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
  try {
    await file.chmod(mode);
    await file.writeFile(text, 'latin1');
    await rename(bytes(draft), bytes(path));
  } catch (error) {
    await rm(bytes(draft), { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** mkdir -p. (The recursive mkdirSync of Node does not end in directories like /proc.) */
export function makeOwnDirectory(path: string, mode = DIRECTORY_MODE): void {
  if (existsSync(bytes(path))) return;
  makeOwnDirectory(dirname(path));
  mkdirSync(bytes(path), { mode });
}

export async function makeOwnDirectoryLater(path: string, mode = DIRECTORY_MODE): Promise<void> {
  await mkdir(bytes(path), { recursive: true, mode });
}

/** Sets the mode of a socket that was just bound, not of what somebody has put in its place. */
export function chmodOwnSocket(path: string, mode: number): void {
  const fd = openSync(bytes(path), addon.constants['O_PATH']! | O_NOFOLLOW);
  try {
    if (!fstatSync(fd).isSocket()) throw new Error(`${path} is no socket any more`);
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}
