/** Directories that translators keep in a brick's `.glusterfs`: made when the brick comes up. */
import { lstatSync, mkdirSync } from 'node:fs';

/** Makes a directory with its missing parents, all of that mode. Throws an Error that names brick and cause. */
export function makeDirectory(brick: string, path: string, mode: number): void {
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    throw new Error(`brick ${brick}: creating directory ${path} failed: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** Throws an Error that names the brick unless there is a directory at `path`. */
export function requireDirectory(brick: string, path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) {
    throw new Error(`brick ${brick}: ${path} ${stat === undefined ? "doesn't exist" : 'is no directory'}`);
  }
}
