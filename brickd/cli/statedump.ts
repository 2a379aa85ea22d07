/**
 * `brickd statedump`: requests statedumps of running brick processes, and prints their paths or their contents as JSON.
 */
import { readdirSync, readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOfLatin1, fsPath, textOfLatin1 } from '../../native/bytes.js';
import { STATEDUMP_DIRECTORY } from '../arguments/gluster-directories.js';
import { pause } from '../glusterd/backoff.js';
import { CommandError } from './command-error.js';
import { parseStatedump } from './statedump-json.js';

const WAIT_MS = 10_000;

/** Brick processes that are brickd: named glusterfsd, and run by a Node.js. */
export function brickPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const name = readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
        return name === 'glusterfsd' && /node/.test(readlinkSync(`/proc/${pid}/exe`));
      } catch {
        return false;
      }
    });
}

/** Names are byte strings. */
const dumpsOf = (pid: number): string[] =>
  readdirSync(STATEDUMP_DIRECTORY, 'latin1').filter((name) => name.includes(`.${pid}.dump.`));

/** json: the dumps are printed as an array, their files removed. Throws a CommandError when there is no such process, or no dump within ten seconds. */
export async function requestStatedumps(pid: number | undefined, json = false): Promise<void> {
  const running = brickPids();
  const pids = pid === undefined ? running : running.filter((p) => p === pid);
  if (pids.length === 0)
    throw new CommandError(
      pid === undefined ? 'no brickd brick process runs' : `${pid} is not a brick process of brickd`,
    );
  const dumps: object[] = [];
  for (const p of pids) {
    const before = new Set(dumpsOf(p));
    process.kill(p, 'SIGUSR1');
    const end = Date.now() + WAIT_MS;
    let found: string | undefined;
    while (found === undefined && Date.now() < end) {
      await pause(100);
      found = dumpsOf(p).find((name) => !before.has(name));
    }
    if (found === undefined) {
      throw new CommandError(`process ${p} has written no statedump to ${STATEDUMP_DIRECTORY}; see its log`);
    }
    const path = bytesOfLatin1(join(STATEDUMP_DIRECTORY, found));
    if (json) {
      dumps.push({ pid: p, ...parseStatedump(textOfLatin1(readFileSync(fsPath(path), 'latin1'))) });
      unlinkSync(fsPath(path));
    } else {
      process.stdout.write(`${path}\n`, 'latin1');
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(dumps, null, 1)}\n`);
}
