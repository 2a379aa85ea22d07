/**
 * Records why a brick could not be started or was given up. The node exporter reports it while the brick does not run;
 * the next successful start removes it. The files are in /run, so a reboot removes them too.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { textLoggerFor } from '../../mux/base/log.js';
import { PRIVATE_MODE, replaceOwnFileLater } from '../../mux/base/own-files.js';
import { type ByteString, bytesOfText, latin1OfBytes, textOfBytes } from '../../native/bytes.js';

const log = textLoggerFor('metrics');

export const LAST_WORDS = '/run/brickd/last-words';
const FOLDER_MODE = 0o700;
/** Files at most: of so many bricks that have failed there is no news in one more. */
const MOST_FILES = 4096;
const LONGEST_REASON = 1000;

/** refused: it could not be started. failed: it has run, and was given up. */
export type EndKind = 'refused' | 'failed';

export interface LastWords {
  brick: string;
  kind: EndKind;
  reason: string;
  /** Milliseconds since the epoch. */
  at: number;
  pid: number;
}

const fileOf = (brick: ByteString, folder: string): string =>
  `${folder}/${createHash('sha256').update(latin1OfBytes(brick), 'latin1').digest('hex').slice(0, 32)}.json`;

/** Never rejects: a brick must not fail for this. */
export async function leaveLastWords(
  brick: ByteString,
  kind: EndKind,
  reason: string,
  folder = LAST_WORDS,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    if ((await readdir(folder)).length >= MOST_FILES) return;
    const words: LastWords = {
      brick: textOfBytes(brick),
      kind,
      reason: reason.slice(0, LONGEST_REASON),
      at: Date.now(),
      pid: process.pid,
    };
    await replaceOwnFileLater(
      bytesOfText(fileOf(brick, folder)),
      bytesOfText(`${JSON.stringify(words)}\n`),
      PRIVATE_MODE,
    );
  } catch (error) {
    log.warning(0, `why ${textOfBytes(brick)} is down is not in ${folder}: ${(error as Error).message}`);
  }
}

/** The brick runs. Never rejects. */
export async function takeLastWordsBack(brick: ByteString, folder = LAST_WORDS): Promise<void> {
  try {
    await rm(fileOf(brick, folder), { force: true });
  } catch (error) {
    log.warning(0, `${folder}: ${(error as Error).message}`);
  }
}

/** Undefined if there are none, or none that can be read. */
export async function lastWordsOf(brick: ByteString, folder = LAST_WORDS): Promise<LastWords | undefined> {
  try {
    const value = JSON.parse(await readFile(fileOf(brick, folder), 'utf8')) as Partial<LastWords>;
    const { kind, reason, at, pid } = value;
    if ((kind !== 'refused' && kind !== 'failed') || typeof reason !== 'string') return undefined;
    return { brick: textOfBytes(brick), kind, reason, at: Number(at), pid: Number(pid) };
  } catch {
    return undefined;
  }
}
