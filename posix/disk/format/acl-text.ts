/**
 * Converts POSIX ACLs between their xattr form (u32 version 2, then {u16 tag, u16 permissions, u32 id}, little-endian)
 * and the short text that Gluster uses (`u::rw-,u:1000:r--,g::r--,m::r--,o::---`).
 */

const VERSION = 2;
const USER_OBJ = 1;
const USER = 2;
const GROUP_OBJ = 4;
const GROUP = 8;
const MASK = 0x10;
const OTHER = 0x20;
const NO_ID = 0xffffffff;

const LETTER: Record<number, string> = {
  [USER_OBJ]: 'u',
  [USER]: 'u',
  [GROUP_OBJ]: 'g',
  [GROUP]: 'g',
  [MASK]: 'm',
  [OTHER]: 'o',
};

function permText(perm: number): string {
  return `${perm & 4 ? 'r' : '-'}${perm & 2 ? 'w' : '-'}${perm & 1 ? 'x' : '-'}`;
}

/** Text of an ACL xattr; null when the bytes are none. */
export function aclToText(xattr: Uint8Array): string | null {
  const b = Buffer.from(xattr.buffer, xattr.byteOffset, xattr.length);
  if (b.length < 4 || (b.length - 4) % 8 !== 0 || b.readUInt32LE(0) !== VERSION) return null;
  const parts: string[] = [];
  for (let at = 4; at < b.length; at += 8) {
    const tag = b.readUInt16LE(at);
    const letter = LETTER[tag];
    if (letter === undefined) return null;
    const id = tag === USER || tag === GROUP ? String(b.readUInt32LE(at + 4)) : '';
    parts.push(`${letter}:${id}:${permText(b.readUInt16LE(at + 2))}`);
  }
  return parts.join(',');
}

/** Text of the ACL that a file without one has by its mode. */
export function modeToAclText(mode: number): string {
  return `u::${permText((mode >> 6) & 7)},g::${permText((mode >> 3) & 7)},o::${permText(mode & 7)}`;
}

const TAGS: Record<string, readonly [alone: number, named: number]> = {
  u: [USER_OBJ, USER],
  user: [USER_OBJ, USER],
  g: [GROUP_OBJ, GROUP],
  group: [GROUP_OBJ, GROUP],
  m: [MASK, 0],
  mask: [MASK, 0],
  o: [OTHER, 0],
  other: [OTHER, 0],
};

/** The ACL xattr of a text with numeric ids; null when the text is no ACL. */
export function aclFromText(text: string): Buffer | null {
  const entries: [tag: number, perm: number, id: number][] = [];
  for (const part of text.split(/[,\n]/)) {
    const entry = part.replace(/#.*$/, '').trim();
    if (entry === '') continue;
    const m = /^([a-z]+):(?:(\d*):)?([rwx-]{0,3})$/.exec(entry);
    if (m === null) return null;
    const [, who = '', named = '', permissions = ''] = m;
    const tags = TAGS[who];
    if (tags === undefined) return null;
    const id = named;
    const tag = id === '' ? tags[0] : tags[1];
    if (tag === 0 || Number(id) > NO_ID) return null;
    let perm = 0;
    for (const c of permissions) perm |= c === 'r' ? 4 : c === 'w' ? 2 : c === 'x' ? 1 : 0;
    entries.push([tag, perm, id === '' ? NO_ID : Number(id)]);
  }
  // The kernel wants them sorted.
  entries.sort((a, b) => a[0] - b[0] || a[2] - b[2]);
  const b = Buffer.alloc(4 + entries.length * 8);
  b.writeUInt32LE(VERSION, 0);
  let at = 4;
  for (const [tag, perm, id] of entries) {
    b.writeUInt16LE(tag, at);
    b.writeUInt16LE(perm, at + 2);
    b.writeUInt32LE(id, at + 4);
    at += 8;
  }
  return b;
}
