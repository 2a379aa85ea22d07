/** The command line of this process, as exact bytes. */
import { readFileSync } from 'node:fs';
import { type ByteString, bytesOfLatin1, bytesOfText, fsPath } from '../../native/bytes.js';

/** Name that brick processes go by: tools look for it in the process name and in the command line. */
export const PROCESS_NAME = 'glusterfsd';
const STOCK_PATH = '/usr/sbin/glusterfsd';
/** Carries the exact command line from the process that was called to the one that serves. */
export const CALL_VARIABLE = 'BRICKD_CALL';
/** Set by an installed wrapper: the path that it was called by. */
const ARGV0_VARIABLE = 'BRICKD_ARGV0';

/**
 * The arguments, program first, one character per byte: the kernel's copy, since process.argv has lost bytes that are no
 * UTF-8. The program is the path that stock bricks have, or the one that a wrapper was called by.
 */
export function callArguments(): ByteString[] {
  const program = bytesOfText(process.env[ARGV0_VARIABLE] ?? STOCK_PATH);
  const count = process.argv.length - 2;
  const words = readFileSync('/proc/self/cmdline', 'latin1').split('\0');
  words.pop();
  return [program, ...(count === 0 ? [] : words.slice(-count).map(bytesOfLatin1))];
}

export function packCall(argv: readonly ByteString[]): string {
  return fsPath(bytesOfLatin1(argv.join('\0'))).toString('base64');
}

export function unpackCall(packed: string): ByteString[] {
  return Buffer.from(packed, 'base64').toString('latin1').split('\0').map(bytesOfLatin1);
}
