/**
 * POSIX ACLs: their binary form in the xattrs `system.posix_acl_access` and `system.posix_acl_default`, the access
 * decision, and inheritance by new files.
 */

import type { Call } from '../../../../mux/xlator/call.js';
import { S_IRWXUGO } from '../../../../native/linux.js';

export const ACCESS_KEY = 'system.posix_acl_access';
export const DEFAULT_KEY = 'system.posix_acl_default';

export const Permission = { execute: 1, write: 2, read: 4 } as const;

/** Tags of entries, in the order in which they count. */
const Tag = { userObj: 1, user: 2, groupObj: 4, group: 8, mask: 0x10, other: 0x20 } as const;

const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
const UNDEFINED_ID = 0xffffffff;
/** An ACL with no more entries says nothing that the mode doesn't. */
const MINIMAL_ENTRIES = 3;

export interface AclEntry {
  readonly tag: number;
  readonly perm: number;
  readonly id: number;
}
/** Sorted by tag, then id. Never changed once made. */
export type Acl = readonly AclEntry[];

/** An ACL from the value of its xattr (little-endian: version, then tag, permissions, id each). Null when it is none. */
export function parseAcl(value: Uint8Array): Acl | null {
  const b = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (b.length < HEADER_BYTES || (b.length - HEADER_BYTES) % ENTRY_BYTES !== 0) return null;
  if (b.readUInt32LE(0) !== VERSION) return null;
  const acl: AclEntry[] = [];
  for (let at = HEADER_BYTES; at < b.length; at += ENTRY_BYTES) {
    const tag = b.readUInt16LE(at);
    const perm = b.readUInt16LE(at + 2);
    switch (tag) {
      case Tag.user:
      case Tag.group:
        acl.push({ tag, perm, id: b.readUInt32LE(at + 4) });
        break;
      case Tag.userObj:
      case Tag.groupObj:
      case Tag.mask:
      case Tag.other:
        acl.push({ tag, perm, id: UNDEFINED_ID });
        break;
      default:
        return null;
    }
  }
  return acl.sort((a, b) => a.tag - b.tag || a.id - b.id);
}

export function encodeAcl(acl: Acl): Uint8Array {
  const b = Buffer.alloc(HEADER_BYTES + acl.length * ENTRY_BYTES);
  b.writeUInt32LE(VERSION, 0);
  for (const [i, entry] of acl.entries()) {
    const at = HEADER_BYTES + i * ENTRY_BYTES;
    b.writeUInt16LE(entry.tag, at);
    b.writeUInt16LE(entry.perm, at + 2);
    b.writeUInt32LE(entry.id, at + 4);
  }
  return b;
}

/** What permissions of a file go by. */
export interface Guarded {
  uid: number;
  gid: number;
  /** Permission bits and more of st_mode. */
  mode: number;
  access: Acl | null;
}

export function inGroup(call: Call, gid: number): boolean {
  return call.gid === gid || call.groups.includes(gid);
}

/** Whether a caller, who is not the super-user, has all permissions of `want`. */
export function permits(file: Guarded, call: Call, want: number): boolean {
  const { mode, access } = file;
  const has = (perm: number): boolean => (perm & want) === want;
  if (call.uid === file.uid) return has((mode >> 6) & 7);
  if (access === null || access.length <= MINIMAL_ENTRIES) {
    return has(inGroup(call, file.gid) ? (mode >> 3) & 7 : mode & 7);
  }
  const mask = access.find((e) => e.tag === Tag.mask)?.perm ?? 7;
  let grouped = false;
  for (const { tag, perm, id } of access) {
    if (tag === Tag.user && id === call.uid) return has(perm & mask);
    if ((tag === Tag.groupObj && inGroup(call, file.gid)) || (tag === Tag.group && inGroup(call, id))) {
      // One of a caller's groups is enough; which one is not asked.
      if (has(perm)) return has(perm & mask);
      grouped = true;
    }
  }
  return !grouped && has(mode & 7);
}

/** The access ACL and mode of a new file in a directory with a default ACL: what both the ACL and the wished mode allow. */
export function inherit(parentDefault: Acl, mode: number): { access: Acl; mode: number } {
  const hasMask = parentDefault.some((e) => e.tag === Tag.mask);
  let bits = mode & S_IRWXUGO;
  const access = parentDefault.map((entry): AclEntry => {
    let shift: number;
    if (entry.tag === Tag.userObj) shift = 6;
    else if (entry.tag === Tag.other) shift = 0;
    else if (entry.tag === (hasMask ? Tag.mask : Tag.groupObj)) shift = 3;
    else return entry;
    const perm = entry.perm & ((mode >> shift) & 7);
    bits = (bits & ~(7 << shift)) | (perm << shift);
    return { ...entry, perm };
  });
  return { access, mode: (mode & ~S_IRWXUGO) | bits };
}

/** Permission bits of a mode after an access ACL was set. */
export function modeOf(acl: Acl, mode: number): number {
  let bits = mode;
  const put = (perm: number, shift: number): void => {
    bits = (bits & ~(7 << shift)) | ((perm & 7) << shift);
  };
  const hasMask = acl.some((e) => e.tag === Tag.mask);
  for (const { tag, perm } of acl) {
    if (tag === Tag.userObj) put(perm, 6);
    else if (tag === Tag.other) put(perm, 0);
    else if (tag === (hasMask ? Tag.mask : Tag.groupObj)) put(perm, 3);
  }
  return bits;
}

/** An access ACL after chmod: owner, mask (or owning group) and others follow the mode. */
export function withMode(acl: Acl, mode: number): Acl {
  const hasMask = acl.some((e) => e.tag === Tag.mask);
  return acl.map((entry): AclEntry => {
    if (entry.tag === Tag.userObj) return { ...entry, perm: (mode >> 6) & 7 };
    if (entry.tag === Tag.other) return { ...entry, perm: mode & 7 };
    if (entry.tag === (hasMask ? Tag.mask : Tag.groupObj)) return { ...entry, perm: (mode >> 3) & 7 };
    return entry;
  });
}
