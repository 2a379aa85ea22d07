/** What lies at a path, to be compared before and after. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A line for each file at and below a path: kind, owner, times, content. Listing leaves no trace in it. */
export function listing(path: string, ignore: (path: string) => boolean = () => false): string[] {
  if (ignore(path)) return [];
  const s = lstatSync(path);
  const facts = [path, s.mode, s.uid, s.gid, s.nlink, s.ino, s.size, s.mtimeMs, s.ctimeMs];
  if (s.isDirectory()) {
    const inside = readdirSync(path).sort();
    return [facts.join(' '), ...inside.flatMap((name) => listing(join(path, name), ignore))];
  }
  const content = s.isSymbolicLink() ? readlinkSync(path) : s.isFile() ? readFileSync(path) : '';
  return [[...facts, createHash('sha256').update(content).digest('hex')].join(' ')];
}
