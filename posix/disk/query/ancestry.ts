/** Finds paths from gfids, by the handles of directories and the gfid2path xattrs of files. */

import { failure, nullOnFailure } from '../../../mux/xlator/fop-error.js';
import { type Gfid, gfidKey, isNullGfid, parseGfid, ROOT_KEY } from '../../../mux/xlator/gfid.js';
import { batch } from '../../../native/batch.js';
import { ELOOP, ENOENT, ERANGE } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { region } from '../../../native/memory.js';
import type { DiskContext } from '../context.js';
import { readDirectoryHandle } from '../descriptors/handle-link.js';
import { handleName } from '../format/handle-name.js';
import { GFID2PATH_PREFIX, PGFID_PREFIX } from '../format/xattr-keys.js';
import { eachXattr } from './xattr-reply.js';

const MAX_DEPTH = 2048;
const ROOM = 65536;

/** A directory on the way from the root: its gfid and name ("/" for the root). */
export interface Ancestor {
  gfid: Gfid;
  name: string;
  parent: Gfid | null;
}

/** The directories from the root to one of a gfid, it included. ENOENT when a handle is missing on the way. */
export async function ancestors(disk: DiskContext, gfid: Gfid): Promise<Ancestor[]> {
  const chain: Ancestor[] = [];
  let at = gfid;
  while (gfidKey(at) !== ROOT_KEY) {
    if (chain.length > MAX_DEPTH || isNullGfid(at)) throw failure(ELOOP);
    const link = await readDirectoryHandle(disk, at);
    chain.push({ gfid: at, name: link.name, parent: link.parent });
    at = link.parent;
  }
  chain.push({ gfid: at, name: '/', parent: null });
  return chain.reverse();
}

/** Path of a directory from the volume's root: "/", "/a/b". */
export async function directoryPath(disk: DiskContext, gfid: Gfid): Promise<string> {
  const chain = await ancestors(disk, gfid);
  return `/${chain
    .slice(1)
    .map((a) => a.name)
    .join('/')}`;
}

/** Parent and name of each link of a file, as its gfid2path xattrs have them. */
export interface Link {
  parent: Gfid;
  name: string;
}

/** The links that a file (not a directory) knows of, and the parents whose links it counts. */
export async function linksOf(disk: DiskContext, gfid: Gfid): Promise<{ links: Link[]; counted: Set<string> }> {
  const into = region(ROOM);
  const b = batch();
  b.xattrs(disk.glusterfsFd, handleName(gfid), `${GFID2PATH_PREFIX}*\0${PGFID_PREFIX}*`, into.address, into.capacity);
  await disk.run(b, 0, Priority.high);
  const length = b.result(0);
  b.release();
  const links: Link[] = [];
  const counted = new Set<string>();
  if (length > 0) {
    eachXattr(into.bytes, 0, length, (name, at, valueLength) => {
      if (name.startsWith(PGFID_PREFIX)) {
        counted.add(name.slice(PGFID_PREFIX.length));
        return;
      }
      const text = into.bytes.latin1Slice(at, at + valueLength);
      const parent = parseGfid(text.slice(0, 36));
      if (parent !== null && text[36] === '/') links.push({ parent, name: text.slice(37) });
    });
  }
  into.release();
  if (length < 0) throw failure(length === -ERANGE ? ENOENT : length);
  return { links, counted };
}

/**
 * Path of a file from the volume's root; several of a file with hard links, with a colon between. Files have one only where
 * links are counted by parent (`update-link-count-parent`). Null when it can't be told.
 */
export async function ancestryPath(disk: DiskContext, gfid: Gfid, isDirectory: boolean): Promise<string | null> {
  if (isDirectory) return directoryPath(disk, gfid);
  if (!disk.options['update-link-count-parent']) return null;
  const { links } = await linksOf(disk, gfid);
  const paths: string[] = [];
  for (const link of links) {
    const above = await directoryPath(disk, link.parent).catch(nullOnFailure);
    if (above !== null) paths.push(above === '/' ? `/${link.name}` : `${above}/${link.name}`);
  }
  return paths.length === 0 ? null : paths.join(':');
}
