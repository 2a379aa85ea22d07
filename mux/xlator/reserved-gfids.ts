/**
 * Reserved gfids: clients' files and directories must not have them, except those that belong to clients' translators.
 */
import { defined } from '../../native/assert.js';
import { EPERM } from '../../native/errno.js';
import { failure } from './fop-error.js';
import { type Gfid, gfidKey, parseGfid, ROOT_GFID, ROOT_KEY } from './gfid.js';
import type { Inode } from './inode.js';

const known = (text: string): Gfid => defined(parseGfid(text), 'a constant gfid is well-formed');

/** The trash, and in it the folder for what Gluster's own clients throw away. */
export const TRASH_GFID = known('00000000-0000-0000-0000-000000000005');
export const TRASH_INTERNAL_GFID = known('00000000-0000-0000-0000-000000000006');
/** Bit-rot's list of bad files. */
export const BAD_FILES_GFID = known('00000000-0000-0000-0000-000000000008');
/** What clients show as `.gfid`, to reach files by their gfid. */
const BY_GFID_GFID = known('00000000-0000-0000-0000-00000000000d');
/** Where sharding keeps blocks, and in it what it still has to remove. */
const SHARD_GFID = known('be318638-e8a0-4c6d-977d-7a937aa84806');
const SHARD_REMOVED_GFID = known('77dd5a45-dbf5-4592-b31b-b440382302e9');

/** The only directory that may have a reserved gfid. */
interface Place {
  /** Key of the directory that it is in. */
  parent: string;
  /** Null: any name. */
  name: string | null;
  /** Only heals make it: in the first place the brick does. */
  healed: boolean;
}

const RESERVED = new Map<string, Place | null>([
  [gfidKey(ROOT_GFID), null],
  [gfidKey(BAD_FILES_GFID), null],
  [gfidKey(BY_GFID_GFID), null],
  [gfidKey(TRASH_GFID), { parent: ROOT_KEY, name: null, healed: true }],
  [gfidKey(TRASH_INTERNAL_GFID), { parent: gfidKey(TRASH_GFID), name: 'internal_op', healed: true }],
  [gfidKey(SHARD_GFID), { parent: ROOT_KEY, name: '.shard', healed: false }],
  [gfidKey(SHARD_REMOVED_GFID), { parent: gfidKey(SHARD_GFID), name: '.remove_me', healed: false }],
]);
/** By the first byte it is told at once that nearly all gfids are not reserved. */
const FIRST_BYTES = new Set([...RESERVED.keys()].map((key) => key.charCodeAt(0)));

/** EPERM for a reserved gfid. */
export function refuseReserved(gfid: Gfid): void {
  if (FIRST_BYTES.has(gfid[0] ?? 0) && RESERVED.has(gfidKey(gfid))) throw failure(EPERM);
}

/** EPERM for a directory with a reserved gfid anywhere but where it belongs. heal: an internal client makes it. */
export function refuseMisplaced(gfid: Gfid, parent: Inode, name: string, heal: boolean): void {
  if (!FIRST_BYTES.has(gfid[0] ?? 0)) return;
  const place = RESERVED.get(gfidKey(gfid));
  if (place === undefined) return;
  const fits =
    place !== null &&
    place.parent === parent.key &&
    (place.name === null || place.name === name) &&
    (heal || !place.healed);
  if (!fits) throw failure(EPERM);
}
