/** A temporary directory for a test file, removed at its end, and a descriptor of it. */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';

export interface Scratch {
  readonly path: string;
  readonly fd: number;
  at(name: string): string;
}

export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'brickd-native-'));
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  t.teardown(() => {
    closeSync(fd);
    rmSync(path, { recursive: true, force: true });
  });
  return { path, fd, at: (name) => join(path, name) };
}

/** Resolves after so many milliseconds. */
export const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
