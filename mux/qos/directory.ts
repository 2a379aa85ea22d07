/** Finds the top-level directory of a request, as far as the inode table knows it. */

import { NULL_KEY } from '../xlator/gfid.js';
import type { Fd, Inode } from '../xlator/inode.js';
import { walkUp } from '../xlator/known-path.js';

/** What is known of the inodes and fds that a connection's requests name. */
export interface KnownNames {
  readonly table: { get(key: string): Inode | undefined };
  readonly client: { fd(number: number): Fd | null; mapRoot(key: string): string };
}

/** Fields by which requests name files and directories; those of entries with a name beside. */
interface Names {
  gfid?: string;
  fd?: number;
  pargfid?: string;
  bname?: string;
  oldgfid?: string;
  oldbname?: string;
  gfid1?: string;
}

function isBelowRoot(inode: Inode): boolean {
  return inode.parent?.isRoot === true;
}

function top(inode: Inode | undefined): string | null {
  if (inode === undefined) return null;
  const at = walkUp(inode, isBelowRoot);
  return isBelowRoot(at) ? at.name : null;
}

/** Name (a byte string) of the directory below the root that holds what the request is about; null if not known. */
export function directoryOf({ table, client }: KnownNames, request: unknown): string | null {
  const q = request as Names;
  const entry = (gfid: string | undefined, name: string | undefined): string | null => {
    if (gfid === undefined || gfid === NULL_KEY) return null;
    const inode = table.get(client.mapRoot(gfid));
    return inode?.isRoot ? (name ?? null) : top(inode);
  };
  if (q.fd !== undefined && q.fd >= 0) {
    const fd = client.fd(q.fd);
    if (fd !== null) return top(fd.inode);
  }
  return entry(q.pargfid, q.bname) ?? entry(q.oldgfid, q.oldbname) ?? entry(q.gfid ?? q.gfid1, undefined);
}
