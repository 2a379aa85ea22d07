/**
 * Makes workers fail on demand, for tests. Active only if BRICKD_TEST_FAULTS names a directory: a file `fail` that is
 * renamed into it says how and which: "KIND BRICK".
 */
import { readFileSync, unlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import { PRIVATE_MODE, replaceOwnFile } from '../mux/base/own-files.js';
import type { Server } from '../mux/workers/server.js';
import { FAULT_KINDS, type FaultKind } from '../mux/workers/worker-pool.js';
import { bytesOfLatin1, bytesOfText } from '../native/bytes.js';

/** The file `failed` then holds the bricks that were on that worker, one a line, or what was wrong. */
export function watchForFaults(directory: string, server: Server): void {
  const order = join(directory, 'fail');
  watch(directory, { persistent: false }, () => {
    let text: string;
    try {
      text = readFileSync(order, 'latin1').trim();
      unlinkSync(order);
    } catch {
      return;
    }
    replaceOwnFile(bytesOfText(join(directory, 'failed')), bytesOfLatin1(`${answer(text, server)}\n`), PRIVATE_MODE);
  });
}

function answer(order: string, server: Server): string {
  const at = order.indexOf(' ');
  const kind = order.slice(0, at) as FaultKind;
  if (!FAULT_KINDS.includes(kind)) return `error: no kind of failure: ${kind}`;
  try {
    return server.failWorker(bytesOfLatin1(order.slice(at + 1)), kind).join('\n');
  } catch (error) {
    return `error: ${(error as { message: string }).message}`;
  }
}
