/**
 * Runs the stock binary for processes that are not bricks. glusterd starts other services (snapshot and gfproxy
 * daemons) by the same program name; where brickd replaces the program without the installed wrapper, it passes those
 * on.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type ByteString, NO_BYTES, textOfBytes } from '../../native/bytes.js';

/** The stock binary under any of its names: what it does depends on the name that it is called by. */
const STOCK_BINARIES = ['/usr/lib/brickd/stock/glusterfsd', '/usr/sbin/glusterfs'];

/** Runs the stock binary as glusterfsd with the same arguments, and exits as it does. argv: program first. */
export function runStock(argv: readonly ByteString[], processName: string): void {
  const binary = STOCK_BINARIES.find((path) => existsSync(path));
  if (binary === undefined) {
    process.stderr.write(`brickd: cannot serve as ${processName}, and found no stock glusterfsd to do it\n`);
    process.exitCode = 255;
    return;
  }
  const child = spawn(binary, process.argv.slice(2), { argv0: textOfBytes(argv[0] ?? NO_BYTES), stdio: 'inherit' });
  child.once('error', (error) => {
    process.stderr.write(`brickd: cannot start ${binary}: ${error.message}\n`);
    process.exit(255);
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 255) : 255));
}
