/** Statedumps: which sections are wanted, the file and its head and tail. */
import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { addon } from '../../native/addon.js';
import { event, loggerFor } from '../../posix/contract/log.js';
import { type BrickServer, DUMP_SECTIONS, type DumpSection, type DumpSelection } from '../brick-server.js';
import { STATEDUMP_DIRECTORY } from '../cli/print.js';
import { formatTime } from '../log/format.js';
import { nowUs } from '../log/sink.js';
import { PRIVATE_MODE } from '../own-files.js';
import { fsPath } from './call.js';

const log = loggerFor('dump');

export interface DumpOptions {
  selection: DumpSelection;
  /** Directory asked for; '' when none is. */
  path: string;
}

const selectionOf = (on: (name: DumpSection) => boolean): DumpSelection =>
  Object.fromEntries(DUMP_SECTIONS.map((name) => [name, on(name)])) as DumpSelection;

/** What is told when an options file selects nothing. */
const DEFAULTS = new Set<DumpSection>(['mem', 'callpool']);

/**
 * Text of an options file, lines `key=value`; undefined (no such file) selects everything. As in the original, only `yes`
 * selects, and `all` whatever its value.
 */
export function parseDumpOptions(text: string | undefined): DumpOptions {
  if (text === undefined) return { selection: selectionOf(() => true), path: '' };
  const chosen = new Set<string>();
  let path = '';
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === 'path') path = value;
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
  /** Name of the process's first brick; '' for none. */
  brickName: string;
  /** The server's option `statedump-path`; '' when not given. */
  statedumpPath: string;
}

/** File name of a dump, without its directory. */
export const dumpName = (brickName: string, pid: number, epoch: number): string =>
  `${brickName === '' ? 'glusterdump' : brickName.replace(/^\//, '').replaceAll('/', '-')}.${pid}.dump.${epoch}`;

/**
 * Writes a dump and gives the path of its file. The file has its name only when it is complete. Throws the error of the
 * file system.
 */
export async function writeStatedump(target: DumpTarget, server: BrickServer | null): Promise<string> {
  const options = readOptions();
  const directory = options.path || target.statedumpPath || STATEDUMP_DIRECTORY;
  const path = join(directory, dumpName(target.brickName, process.pid, Math.floor(Date.now() / 1000)));
  const draft = mkdtempSync(join(directory, 'dump'));
  const draftFile = join(draft, 'dump');
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
    rmdirSync(draft);
  }
  log.debug(0, event('statedump written', { path }));
  return path;
}
