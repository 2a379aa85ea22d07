/**
 * Finds files that root is about to run and that other users could change: the files themselves, and the directories
 * above them, in which they could be replaced.
 */
import { lstatSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { S_ISVTX, S_IWGRP, S_IWOTH } from '../../native/linux.js';

/** Why somebody else can change the file; undefined if nobody can. way: it is a directory above what runs. */
function fault(
  path: string,
  stat: Pick<Stats, 'uid' | 'gid' | 'mode' | 'isSymbolicLink'>,
  way: boolean,
): string | undefined {
  if (stat.uid !== 0) return `${path} belongs to user ${stat.uid}`;
  // The mode of a link says nothing; and in a sticky directory everybody's files are their own.
  if (stat.isSymbolicLink() || (way && (stat.mode & S_ISVTX) !== 0)) return undefined;
  if ((stat.mode & S_IWOTH) !== 0) return `${path} is writable by everybody`;
  if ((stat.mode & S_IWGRP) !== 0 && stat.gid !== 0) return `${path} is writable by group ${stat.gid}`;
  return undefined;
}

function* below(path: string): Generator<string> {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    yield child;
    if (entry.isDirectory()) yield* below(child);
  }
}

/** What is wrong with files and folders (with all that is in them) and with the ways to them, `most` lines at most. */
export function writableByOthers(
  paths: readonly string[],
  most = 5,
  stat: (path: string) => Stats = lstatSync,
): string[] {
  const wrong = new Set<string>();
  const look = (path: string, way: boolean): boolean => {
    const text = fault(path, stat(path), way);
    if (text !== undefined) wrong.add(text);
    return wrong.size < most;
  };
  for (const given of paths) {
    // Where links lead to is what runs; a link itself is as safe as the directory that it is in.
    for (const path of new Set([realpathSync(given), given])) {
      for (let at = dirname(path); ; at = dirname(at)) {
        if (!look(at, true)) return [...wrong];
        if (at === dirname(at)) break;
      }
    }
    const path = realpathSync(given);
    if (!look(path, false)) return [...wrong];
    if (stat(path).isDirectory()) for (const child of below(path)) if (!look(child, false)) return [...wrong];
  }
  return [...wrong];
}
