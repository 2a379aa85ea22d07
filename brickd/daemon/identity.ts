/**
 * What other programs see of the process: its name, and its command line as glusterd wrote it. glusterd reads the first
 * 1024 bytes of the command line to find the socket and the brick of a running process; Node.js's flags and the
 * program's path would push them out.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { addon } from '../../native/addon.js';
import { type ByteString, bytesOfLatin1, fsPath } from '../../native/bytes.js';
import { PROCESS_NAME } from './call.js';

/** Fields of /proc/self/stat after the name, counted from 0: bounds of the memory that holds the arguments. */
const ARG_START = 45;
const ARG_END = 46;

/** Sets the process name and writes `argv` over the command line. What the system refuses stays as it was. */
export function takeIdentity(argv: readonly ByteString[]): void {
  addon.setProcessName(PROCESS_NAME);
  try {
    rewriteCommandLine(argv);
  } catch {
    // Not everywhere may a process write its own memory through /proc: the line then starts with the engine's flags.
  }
}

function rewriteCommandLine(argv: readonly ByteString[]): void {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const start = Number(fields[ARG_START]);
  const end = Number(fields[ARG_END]);
  const line = fsPath(bytesOfLatin1(`${argv.join('\0')}\0`));
  if (!(start > 0) || line.length > end - start) return;
  const memory = Buffer.alloc(end - start);
  line.copy(memory);
  const fd = openSync('/proc/self/mem', 'r+');
  try {
    writeSync(fd, memory, 0, memory.length, start);
  } finally {
    closeSync(fd);
  }
}
