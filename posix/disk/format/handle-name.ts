/** Names of gfid handles: `aa/bb/<gfid>` below `.glusterfs`, by the first two bytes. */

import { isEntryName } from '../../../mux/xlator/entry-name.js';
import { type Gfid, gfidText, parseGfid } from '../../../mux/xlator/gfid.js';

export const HANDLE_DIR = '.glusterfs';
export const UNLINK_DIR = 'unlink';
export const LANDFILL_DIR = 'landfill';

/** Path of a gfid's handle, relative to `.glusterfs`. */
export function handleName(gfid: Gfid): string {
  const text = gfidText(gfid);
  return `${text.slice(0, 2)}/${text.slice(2, 4)}/${text}`;
}

/** Where the handle of a file goes that lost its last name while it was open; relative to `.glusterfs`. */
export function unlinkName(gfid: Gfid): string {
  return `${UNLINK_DIR}/${gfidText(gfid)}`;
}

/** What a directory's handle holds: the path of the directory by its parent's handle. */
export function directoryLink(parent: Gfid, name: string): string {
  return `../../${handleName(parent)}/${name}`;
}

/** Parent and name from a directory's handle; null when the text is no such link. */
export function parseDirectoryLink(text: string): { parent: Gfid; name: string } | null {
  const m = /^\.\.\/\.\.\/(..)\/(..)\/([0-9a-f-]{36})\/([^/]+)$/s.exec(text);
  const [, first = '', second = '', gfid = '', name = ''] = m ?? [];
  const parent = parseGfid(gfid);
  if (parent === null || !gfid.startsWith(first + second) || !isEntryName(name)) return null;
  return { parent, name };
}
