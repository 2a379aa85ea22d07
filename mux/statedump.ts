/** The bricks of a worker as sections of a statedump, in Gluster's text form. */
import { gfidText } from '../posix/contract/gfid.js';
import { S_IFDIR, S_IFLNK, S_IFREG } from '../posix/contract/iatt.js';
import type { Inode } from '../posix/contract/inode.js';
import type { Brick } from './brick.js';

/** Inodes listed per state: a dump of a table of a million entries helps nobody. */
const MAX_LISTED = 10000;

export interface DumpChoice {
  callpool?: boolean;
  priv?: boolean;
  inode?: boolean;
}

const section = (title: string, lines: readonly string[]): string => `\n[${title}]\n${lines.join('\n')}\n`;

export function dumpBricks(bricks: readonly Brick[], choice: DumpChoice): string {
  let text = '';
  if (choice.callpool !== false) {
    let calls = 0;
    for (const brick of bricks) calls += brick.callsUnderWay;
    text += section('global.callpool', [`callpool.cnt=${calls}`]);
  }
  text += section('active graph - 1', []);
  for (const brick of bricks) {
    if (choice.priv !== false) {
      text += section('xlator.protocol.server.priv', connections(brick));
      for (const layer of brick.layers) {
        for (const s of layer.dump()) text += section(s.title, s.lines);
      }
    }
    if (choice.inode !== false) text += inodes(brick);
  }
  return text;
}

function connections(brick: Brick): string[] {
  let read = 0;
  let written = 0;
  const lines: string[] = [];
  let i = 0;
  for (const { client, connection } of brick.sessions) {
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
  return [`server.total-bytes-read=${read}`, `server.total-bytes-write=${written}`, ...lines];
}

function inodes(brick: Brick): string {
  const name = `conn.1.bound_xl.${brick.name}`;
  const active: Inode[] = [];
  const idle: Inode[] = [];
  for (const inode of brick.table.values()) (inode.refs > 0 ? active : idle).push(inode);
  const head = [
    `${name}.name=${brick.name}/inode`,
    `${name}.lru_limit=${brick.table.limit}`,
    `${name}.active_size=${active.length}`,
    `${name}.lru_size=${idle.length}`,
    `${name}.purge_size=0`,
    `${name}.invalidate_size=0`,
  ];
  let text = section(name, head);
  for (const [state, list] of [
    ['active', active],
    ['lru', idle],
  ] as const) {
    for (const [i, inode] of list.slice(0, MAX_LISTED).entries()) {
      text += section(`${name}.${state}.${i + 1}`, [
        `gfid=${gfidText(inode.gfid)}`,
        'nlookup=1',
        `fd-count=${inode.fdCount}`,
        `active-fd-count=${inode.fdCount}`,
        `ref=${inode.refs}`,
        'invalidate-sent=0',
        `ia_type=${iaType(inode.type)}`,
      ]);
    }
  }
  return text;
}

/** Gluster's ia_type_t. */
function iaType(type: number): number {
  if (type === S_IFREG) return 1;
  if (type === S_IFDIR) return 2;
  if (type === S_IFLNK) return 3;
  return { 14406: 4, 4802: 5, 2401: 6, 26411: 7 }[type] ?? 0;
}
