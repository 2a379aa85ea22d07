/**
 * The bricks of a worker as statedump sections, in Gluster's text form and order: the process first, then for each
 * brick the server with its clients, the inodes with each translator's state, and the translators.
 */

import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK } from '../../../native/linux.js';
import { regionCounts } from '../../../native/memory.js';
import { latenciesIn } from '../../stats/fop-stats.js';
import { FOP_PROGRAM, FOP_VERSION, fopByNumber } from '../../xlator/fop-table.js';
import { gfidText } from '../../xlator/gfid.js';
import type { Inode } from '../../xlator/inode.js';
import type { DumpSection } from '../../xlator/translator.js';
import type { Brick } from '../brick.js';
import { unappliedText } from '../brick-facts.js';
import { dumpCalls } from './callpool.js';

/** Inodes listed per state: a dump of a table of a million entries helps nobody. */
const MAX_LISTED = 10000;
/** Inodes and fds that are dumped at a time; clients are served in between. */
const SLICE = 500;

/** Selected sections; a section that is not named is selected. */
export interface DumpChoice {
  callpool?: boolean;
  iobuf?: boolean;
  priv?: boolean;
  fd?: boolean;
  inode?: boolean;
}

/** The part of one worker. Structured-clonable. */
export interface DumpPart {
  /** Fops in progress, and of those that are not answered yet the lines of their sections. */
  calls: number;
  stacks: [stack: string[], frame: string[]][];
  /** Free memory regions: size in bytes, and how many of it. */
  regions: [number, number][];
  /** Sections of its bricks. */
  bricks: string;
}

const section = (title: string, lines: readonly string[]): string => `\n[${title}]\n${lines.join('\n')}\n`;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function dumpPart(bricks: readonly Brick[], choice: DumpChoice): Promise<DumpPart> {
  const part: DumpPart = { calls: 0, stacks: [], regions: regionCounts(), bricks: '' };
  for (const brick of bricks) {
    part.calls += brick.inFlight.count;
    if (choice.callpool !== false) part.stacks.push(...dumpCalls(brick));
    part.bricks += await dumpBrick(brick, choice);
    await turn();
  }
  return part;
}

/** The parts of all workers as one text. */
export function joinParts(parts: readonly DumpPart[], choice: DumpChoice): string {
  let text = '';
  if (choice.iobuf !== false) text += memory(parts);
  if (choice.callpool !== false) {
    const calls = parts.reduce((sum, part) => sum + part.calls, 0);
    text += section('global.callpool', [`callpool.cnt=${calls}`]);
    for (const [i, [stack, frame]] of parts.flatMap((part) => part.stacks).entries()) {
      text += section(`global.callpool.stack.${i + 1}`, stack);
      text += section(`global.callpool.stack.${i + 1}.frame.1`, frame);
    }
  }
  text += section('active graph - 1', []);
  return text + parts.map((part) => part.bricks).join('');
}

/** Regions that are free to be used again, by size; those in use are not counted anywhere. */
function memory(parts: readonly DumpPart[]): string {
  const free = new Map<number, number>();
  for (const { regions } of parts) for (const [size, count] of regions) free.set(size, (free.get(size) ?? 0) + count);
  let text = section('iobuf.global', [`iobuf_pool.arena_cnt=${free.size}`]);
  let i = 0;
  for (const [size, count] of [...free].sort(([a], [b]) => a - b)) {
    i++;
    text += section(`arena.${i}`, [`arena.${i}.passive_cnt=${count}`, `arena.${i}.page_size=${size}`]);
  }
  return text;
}

async function dumpBrick(brick: Brick, choice: DumpChoice): Promise<string> {
  const layers = brick.layers.flatMap((layer) => layer.dump());
  let text = '';
  if (choice.priv !== false) text += server(brick);
  if (choice.priv !== false) text += latencies(brick);
  if (choice.fd !== false) text += await fds(brick);
  if (choice.inode !== false) {
    const notes = new Map<Inode, DumpSection[]>();
    for (const s of layers) {
      if (s.inode === undefined) continue;
      const known = notes.get(s.inode);
      if (known === undefined) notes.set(s.inode, [s]);
      else known.push(s);
    }
    text += await inodes(brick, notes);
  }
  if (choice.priv !== false) {
    for (const s of layers) if (s.inode === undefined) text += section(s.title, s.lines);
  }
  return text;
}

function server(brick: Brick): string {
  let read = 0;
  let written = 0;
  const lines: string[] = [];
  let i = 0;
  for (const { client, connection } of brick.clients.sessions) {
    read += connection.bytesIn;
    written += connection.bytesOut;
    lines.push(
      `conn.${i}.id=${client.uid}`,
      `conn.${i}.ref=${client.connections}`,
      `conn.${i}.bound_xl=${brick.name}`,
      `conn.${i}.subdir=${client.subdir}`,
    );
    i++;
  }
  const totals = [`server.total-bytes-read=${read}`, `server.total-bytes-write=${written}`];
  for (const [i, u] of brick.unapplied.entries()) totals.push(`unapplied.${i}=${unappliedText(u)}`);
  const program = 'GlusterFS 4.x v1';
  return (
    section('xlator.protocol.server.priv', [...totals, ...lines]) +
    section(program, [`${program}.program-number=${FOP_PROGRAM}`, `${program}.program-version=${FOP_VERSION}`])
  );
}

/**
 * Latencies of fops as the client of the brick meets them: mean and sum in nanoseconds, as stock has them of every translator when
 * it is told to measure. Since the start: a dump resets nothing.
 */
function latencies(brick: Brick): string {
  const lines: string[] = [];
  for (const { fop, count, sumSec } of latenciesIn(brick.traffic.fopStats.latencies())) {
    const sumNs = sumSec * 1e9;
    const title = `${brick.name}.latency.${fopByNumber(fop)?.display}`;
    lines.push(`${title}=AVG:${(sumNs / count).toFixed(6)} CNT:${count} TOTAL:${Math.round(sumNs)}`);
  }
  return lines.length === 0 ? '' : section(`${brick.name}.latency`, lines);
}

/** What each client has open. */
async function fds(brick: Brick): Promise<string> {
  let text = '';
  let i = 0;
  let told = 0;
  for (const client of brick.clients.all.values()) {
    const name = `conn.${i++}.bound_xl.${brick.name}.fdtable`;
    text += section(name, [`${name}.client=${client.uid}`, `${name}.open=${client.openFds}`]);
    for (const fd of client.openFiles()) {
      const key = `${name}.fdentry[${fd.number}]`;
      text += section(key, [
        `${key}.pid=${fd.pid}`,
        `${key}.refcount=${fd.refs}`,
        `${key}.flags=${fd.flags}`,
        `${key}.gfid=${gfidText(fd.inode.gfid)}`,
      ]);
      if (++told % SLICE === 0) await turn();
    }
  }
  return text;
}

async function inodes(brick: Brick, notes: Map<Inode, DumpSection[]>): Promise<string> {
  const name = `conn.0.bound_xl.${brick.name}`;
  const active: Inode[] = [];
  const idle: Inode[] = [];
  for (const inode of brick.table.values()) (inode.refs > 0 ? active : idle).push(inode);
  let text = section(name, [
    `${name}.name=${brick.name}/inode`,
    `${name}.lru_limit=${brick.table.limit}`,
    `${name}.active_size=${active.length}`,
    `${name}.lru_size=${idle.length}`,
    `${name}.purge_size=0`,
    `${name}.invalidate_size=0`,
  ]);
  const noted = (inode: Inode): string => {
    const sections = notes.get(inode) ?? [];
    notes.delete(inode);
    return sections.map((s) => section(s.title, s.lines)).join('');
  };
  for (const [state, list] of [
    ['active', active],
    ['lru', idle],
  ] as const) {
    for (const [i, inode] of list.slice(0, MAX_LISTED).entries()) {
      text += section(`${name}.${state}.${i + 1}`, [
        `gfid=${gfidText(inode.gfid)}`,
        `fd-count=${inode.fdCount}`,
        `active-fd-count=${inode.fdCount}`,
        `ref=${inode.refs}`,
        'invalidate-sent=0',
        `ia_type=${iaType(inode.type)}`,
        ...(inode.namespace === null ? [] : [`namespace=${gfidText(inode.namespace.gfid)}`]),
      ]);
      text += noted(inode);
      if ((i + 1) % SLICE === 0) await turn();
    }
  }
  // Those of inodes that were not listed.
  for (const inode of [...notes.keys()]) text += noted(inode);
  return text;
}

/** Gluster's ia_type_t. */
function iaType(type: number): number {
  if (type === S_IFREG) return 1;
  if (type === S_IFDIR) return 2;
  if (type === S_IFLNK) return 3;
  return SPECIAL.get(type) ?? 0;
}
const SPECIAL: ReadonlyMap<number, number> = new Map([
  [S_IFBLK, 4],
  [S_IFCHR, 5],
  [S_IFIFO, 6],
  [S_IFSOCK, 7],
]);
