/** Reads the volfiles that a real glusterd wrote (see fixtures/record.sh). */
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../../../test/unit/volfiles/fixtures/', import.meta.url);

/** Text of a recorded file, as a byte string. */
export const fixture = (name: string): string => readFileSync(new URL(name, folder), 'latin1');

/** Names of the recorded volfiles, without `.vol`. */
export const volfileNames = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.vol'))
    .map((name) => name.slice(0, -4));
