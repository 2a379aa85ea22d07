/**
 * Checks whether the process in a brick's pid file is still a process of that brick: a stale file may name another
 * process or brick.
 */
import { readFile, stat } from 'node:fs/promises';
import { type ByteString, bytesOfLatin1, fsPath, latin1OfBytes } from '../../../native/bytes.js';

/** What Linux has counted in since ever, whatever the kernel's own clock does. */
const TICKS_PER_SECOND = 100;
/** The start of the machine is told in whole seconds. */
const SLACK_MS = 2000;
const BRICK_PROCESS = 'glusterfsd';

/** none: no file. stale: the process is gone, or is no process of the brick. */
export type PidFileState =
  | { kind: 'none' | 'stale' }
  | { kind: 'unreadable'; problem: string }
  | { kind: 'lives'; pid: number };

const readLatin1 = (path: string): Promise<string> => readFile(path, 'latin1');

/** When a process started, in milliseconds since the epoch. */
async function startOf(stat: string): Promise<number> {
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  const boot = Number(/^btime (\d+)$/m.exec(await readLatin1('/proc/stat'))?.[1]);
  return (boot + ticks / TICKS_PER_SECOND) * 1000;
}

export async function pidFileState(pidFile: ByteString, brick: ByteString): Promise<PidFileState> {
  let pid: number;
  let writtenMs: number;
  try {
    const text = await readFile(fsPath(pidFile), 'latin1');
    if (!/^[1-9]\d{0,9}\s*$/.test(text)) return { kind: 'stale' };
    pid = Number(text);
    writtenMs = (await stat(fsPath(pidFile))).mtimeMs;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { kind: 'none' } : { kind: 'unreadable', problem: message };
  }
  try {
    const status = await readLatin1(`/proc/${pid}/stat`);
    const name = status.slice(status.indexOf('(') + 1, status.lastIndexOf(')'));
    // A zombie serves nobody.
    if (name !== BRICK_PROCESS || /^[ZX]/.test(status.slice(status.lastIndexOf(')') + 2))) return { kind: 'stale' };
    const line = bytesOfLatin1(await readLatin1(`/proc/${pid}/cmdline`));
    if (latin1OfBytes(line).includes(`\0--brick-name\0${latin1OfBytes(brick)}\0`)) return { kind: 'lives', pid };
    // A brick that was attached to a process of others: that process is older than the file.
    return (await startOf(status)) <= writtenMs + SLACK_MS ? { kind: 'lives', pid } : { kind: 'stale' };
  } catch {
    return { kind: 'stale' };
  }
}
