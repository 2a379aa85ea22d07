/** Everything below a directory as it lies on disk: stat, link target and all xattrs. Paths are byte strings (latin1). */
import { spawnSync } from 'node:child_process';
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';

export interface Entry {
  /** Relative to the root; '' for the root itself. */
  path: string;
  stat: BigIntStats;
  /** Of symlinks. */
  target: string;
  xattrs: Map<string, Buffer>;
}

const bytes = (path: string): Buffer => Buffer.from(path, 'latin1');

/** All entries below `root` and itself, by path, parents first. */
export function readTree(root: string): Map<string, Entry> {
  const xattrs = readXattrs(root);
  const entries = new Map<string, Entry>();
  const walk = (path: string): void => {
    const full = bytes(path === '' ? root : `${root}/${path}`);
    const stat = lstatSync(full, { bigint: true });
    const target = stat.isSymbolicLink() ? readlinkSync(full, { encoding: 'buffer' }).toString('latin1') : '';
    entries.set(path, { path, stat, target, xattrs: xattrs.get(full.toString('latin1')) ?? new Map() });
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(full, { encoding: 'buffer' })) {
      const child = name.toString('latin1');
      walk(path === '' ? child : `${path}/${child}`);
    }
  };
  walk('');
  return entries;
}

/** By getfattr, which reads them of symlinks too, and is not ours. */
function readXattrs(root: string): Map<string, Map<string, Buffer>> {
  const args = ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', root];
  const run = spawnSync('getfattr', args, { maxBuffer: 1 << 30, encoding: 'latin1' });
  if (run.status !== 0) throw new Error(`getfattr ${root}: ${run.error?.message ?? run.stderr}`);
  const files = new Map<string, Map<string, Buffer>>();
  let current = new Map<string, Buffer>();
  for (const line of run.stdout.split('\n')) {
    if (line.startsWith('# file: ')) {
      current = new Map();
      files.set(unquoted(line.slice(8)), current);
    } else if (line !== '') {
      const at = line.indexOf('=');
      const name = at < 0 ? line : line.slice(0, at);
      current.set(unquoted(name), Buffer.from(at < 0 ? '' : line.slice(at + 3), 'hex'));
    }
  }
  return files;
}

/** getfattr writes some bytes as a backslash and three octal digits. */
const unquoted = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** Canonical text of a gfid. */
export const uuid = (b: Buffer): string =>
  b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const typeOf = (stat: BigIntStats): string =>
  stat.isDirectory()
    ? 'directory'
    : stat.isSymbolicLink()
      ? 'symlink'
      : stat.isFIFO()
        ? 'fifo'
        : stat.isSocket()
          ? 'socket'
          : stat.isCharacterDevice()
            ? 'character device'
            : stat.isBlockDevice()
              ? 'block device'
              : 'file';
export const modeOf = (stat: BigIntStats): string => (Number(stat.mode) & 0o7777).toString(8);
