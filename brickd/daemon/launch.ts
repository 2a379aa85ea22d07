/**
 * The foreground half of a brick process: starts the serving process detached, waits for its start-up status and exits
 * with it, like the parent of a forking daemon. (Node.js cannot fork.) It loads next to nothing, because it accounts
 * for half of a brick's start-up time.
 */
import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { type ByteString, NO_BYTES, textOfBytes } from '../../native/bytes.js';
import { NODE_FLAGS } from '../node-flags.js';
import { CALL_VARIABLE, packCall } from './call.js';

/** Descriptor on which the serving process writes its start-up status, one native int. */
export const STATUS_FD = 3;

/** Exit status if the serving process ended without reporting one. */
const NO_STATUS = 1;

/** argv: the exact command line, program first. Never returns: the process exits with the status of the start. */
export function launch(argv: readonly ByteString[]): void {
  const [, program = '', ...words] = process.argv;
  // Where links lead now: an upgrade meanwhile must not have the two halves of a start run different releases.
  const flags = [...NODE_FLAGS, realpathSync(program), ...words];
  const child = spawn(process.execPath, flags, {
    argv0: textOfBytes(argv[0] ?? NO_BYTES),
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { ...process.env, [CALL_VARIABLE]: packCall(argv) },
  });
  child.once('error', (error) => {
    process.stderr.write(`brickd: cannot start ${process.execPath}: ${error.message}\n`);
    process.exit(255);
  });
  const status = child.stdio[STATUS_FD] as import('node:net').Socket;
  let bytes = Buffer.alloc(0);
  status.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 4) process.exit(Math.abs(bytes.readInt32LE(0)) & 255);
  });
  // Without a word: what it leaves as exit status, its own or that of a stock brick that it has started in its place.
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? NO_STATUS)));
  const exit = (): void => {
    ended.then(
      (code) => process.exit(code),
      () => process.exit(NO_STATUS),
    );
  };
  status.once('error', exit);
  status.once('end', exit);
}
