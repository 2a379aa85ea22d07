/** Writes statedump files: which sections are selected, head and tail of the file. */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { event, loggerFor } from '../../mux/base/log.js';
import { PRIVATE_MODE } from '../../mux/base/own-files.js';
import { formatTime, nowUs } from '../../mux/base/time-text.js';
import { addon } from '../../native/addon.js';
import { type ByteString, bytesOfLatin1, bytesOfText, fsPath, latin1OfBytes, NO_BYTES } from '../../native/bytes.js';
import { STATEDUMP_DIRECTORY } from '../arguments/gluster-directories.js';
import { type BrickServer, DUMP_SECTIONS, type DumpSelection, type StatedumpSection } from '../brick-server.js';

const log = loggerFor('dump');
const PRIVATE_DIRECTORY_MODE = 0o700;

export interface DumpOptions {
  selection: DumpSelection;
  /** Directory asked for; empty when none is. */
  path: ByteString;
}

const selectionOf = (on: (name: StatedumpSection) => boolean): DumpSelection =>
  Object.fromEntries(DUMP_SECTIONS.map((name) => [name, on(name)])) as DumpSelection;

/** Sections that are dumped when an options file selects nothing. */
const DEFAULTS = new Set<StatedumpSection>(['mem', 'callpool']);

/**
 * Text of an options file, lines `key=value`; undefined (no such file) selects everything. As in glusterfsd, only `yes`
 * selects, and `all` whatever its value.
 */
export function parseDumpOptions(text: string | undefined): DumpOptions {
  if (text === undefined) return { selection: selectionOf(() => true), path: NO_BYTES };
  const chosen = new Set<string>();
  let path = NO_BYTES;
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === 'path') path = bytesOfLatin1(value);
    else if (/^yes/i.test(value) || key === 'all') chosen.add(key.toLowerCase());
    else chosen.delete(key.toLowerCase());
  }
  if (![...chosen].some((key) => key === 'all' || (DUMP_SECTIONS as readonly string[]).includes(key))) {
    return { selection: selectionOf((name) => DEFAULTS.has(name)), path };
  }
  return { selection: selectionOf((name) => chosen.has('all') || chosen.has(name)), path };
}

function readOptions(): DumpOptions {
  for (const name of ['glusterdump.options', `glusterdump.${process.pid}.options`]) {
    try {
      return parseDumpOptions(readFileSync(join(STATEDUMP_DIRECTORY, name), 'latin1'));
    } catch {
      // not this one
    }
  }
  return parseDumpOptions(undefined);
}

/** Names of mallinfo's numbers in a dump, in the order of the addon's array. */
const MALLINFO = [
  'arena',
  'ordblks',
  'smblks',
  'hblks',
  'hblkhd',
  'usmblks',
  'fsmblks',
  'uordblks',
  'fordblks',
  'keepcost',
];

function memorySection(): string {
  const values = addon.mallinfo();
  const malloc = MALLINFO.map((name, i) => `mallinfo_${name}=${values[i] ?? 0}\n`).join('');
  const node = Object.entries(process.memoryUsage()).map(([name, bytes]) => `${name}=${bytes}\n`);
  return `\n[mallinfo]\n${malloc}\n[nodejs.memory]\n${node.join('')}`;
}

const timestamp = (): string => formatTime(nowUs(), false);

export interface DumpTarget {
  /** Name of the process's first brick; empty for none. */
  brickName: ByteString;
  /** The server's option `statedump-path`; empty when not given. */
  statedumpPath: ByteString;
}

/** Longest name of a file. */
const NAME_MAX = 255;

/** File name of a dump, without its directory: of a very long path the beginning. */
export function dumpName(brickName: ByteString, pid: number, epoch: number): ByteString {
  const brick = latin1OfBytes(brickName).replace(/^\//, '').replaceAll('/', '-');
  const tail = `.${pid}.dump.${epoch}`;
  return bytesOfLatin1(`${(brick === '' ? 'glusterdump' : brick).slice(0, NAME_MAX - tail.length)}${tail}`);
}

/**
 * Writes a dump and gives the path of its file. The file has its name only when it is complete. Throws the error of the
 * file system.
 */
export async function writeStatedump(target: DumpTarget, server: BrickServer | null): Promise<ByteString> {
  const options = readOptions();
  const asked = [options.path, target.statedumpPath].find((path) => path.length > 0);
  const directory = asked ?? bytesOfText(STATEDUMP_DIRECTORY);
  const name = dumpName(target.brickName, process.pid, Math.floor(Date.now() / 1000));
  const path = bytesOfLatin1(`${directory}/${name}`);
  const draft = bytesOfLatin1(`${directory}/dump${randomBytes(6).toString('base64url')}`);
  mkdirSync(fsPath(draft), PRIVATE_DIRECTORY_MODE);
  const draftFile = fsPath(bytesOfLatin1(`${draft}/dump`));
  const fd = openSync(draftFile, 'wx', PRIVATE_MODE);
  try {
    const put = (text: string): number => writeSync(fd, text, null, 'latin1');
    put(`DUMP-START-TIME: ${timestamp()}\n`);
    if (options.selection.mem) put(memorySection());
    if (server !== null) {
      const body = server.statedump(options.selection);
      if (body instanceof Promise) put(await body);
      else for await (const piece of body) put(piece);
    }
    put(`\nDUMP-END-TIME: ${timestamp()}`);
  } finally {
    closeSync(fd);
    renameSync(draftFile, fsPath(path));
    rmdirSync(fsPath(draft));
  }
  log.debug(0, event('statedump written', { path }));
  return path;
}
