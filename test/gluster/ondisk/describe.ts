/**
 * A brick in words that leave out what two bricks that saw the same operations must differ in: gfids, inode numbers, the
 * clock. What is left must be equal.
 */
import { MDATA, parseMdata } from './mdata.js';
import { type Entry, modeOf, nameOf, parentOf, readTree, typeOf, uuid } from './tree.js';

/** Times before this were set on purpose and are told as they are; later ones only by their order. Nanoseconds. */
const SET_ON_PURPOSE_BELOW = 1_600_000_000_000_000_000n;
/** What was done in two steps lies further apart than that; what was done in one does not. Nanoseconds. */
const APART = 150_000_000n;

/** A line for every entry of the brick, and one for every xattr. */
export function describeBrick(root: string): string[] {
  const tree = readTree(root);
  const paths = new Map<string, string>();
  for (const e of tree.values()) {
    const gfid = e.xattrs.get('trusted.gfid');
    if (gfid !== undefined && e.stat.isDirectory() && !e.path.startsWith('.glusterfs')) paths.set(uuid(gfid), e.path);
  }
  const lines: string[] = [];
  let handles = 0;
  for (const e of tree.values()) {
    // Comes with the first health check, half a minute after the start.
    if (e.path === '.glusterfs/health_check') continue;
    if (/^\.glusterfs\/[0-9a-f]{2}(\/|$)/.test(e.path)) {
      if (/^\.glusterfs\/..\/..\/[0-9a-f-]{36}$/.test(e.path)) handles++;
      continue;
    }
    const what = JSON.stringify(e.path);
    const s = e.stat;
    // A directory's size is the file system's own affair, and inside .glusterfs depends on the gfids.
    const size = s.isDirectory() ? '' : `, ${s.nlink} links, ${s.size} bytes, device ${s.rdev}`;
    const rather = /^\.glusterfs\/indices\//.test(e.path) ? '' : size;
    lines.push(
      `${what}: ${typeOf(s)} ${modeOf(s)} ${s.uid}:${s.gid}${rather}${e.target === '' ? '' : ` -> ${e.target}`}`,
    );
    if (s.isFile() && e.path !== '.glusterfs/health_check')
      lines.push(`${what}: blocks ${s.blocks > 0n ? 'some' : 'none'}`);
    lines.push(...describeXattrs(e, paths, tree).map((line) => `${what}: ${line}`));
  }
  lines.push(`${handles} handles`);
  // xattrop's base file has a name of its own in every brick.
  return lines.map((l) => l.replace(/(indices\/\w+\/\w+)-[0-9a-f-]{36}/, '$1-UUID')).sort();
}

function describeXattrs(e: Entry, paths: Map<string, string>, tree: Map<string, Entry>): string[] {
  const lines: string[] = [];
  for (const [name, value] of e.xattrs) {
    if (name === MDATA) lines.push(`mdata ${describeTimes(e.path, value)}`);
    else if (name.startsWith('trusted.gfid2path.')) {
      const text = value.toString('latin1');
      const parent = paths.get(parentOf(text));
      const path = `${parent === undefined || parent === '' ? '' : `${parent}/`}${nameOf(text)}`;
      // Stock leaves behind the name that a file lost when another was renamed to it.
      if (parent === undefined || tree.get(path)?.stat.ino !== e.stat.ino) continue;
      lines.push(`gfid2path ${JSON.stringify(path)}`);
    } else if (/^trusted\.(gfid|glusterfs\.(volume-id|dht|dht\.mds))$/.test(name)) {
      lines.push(`${name} of ${value.length} bytes`);
    } else if (name === 'trusted.glusterfs.dht.linkto') {
      lines.push(`${name} ${value.toString('latin1').replace(/^.*-client/, 'client')}`);
    } else lines.push(`${name} ${value.toString('hex')}`);
  }
  return lines;
}

/**
 * Times that were set on purpose, and of files that the work spread over time on purpose (those in a directory "times") the
 * order of the others.
 */
function describeTimes(path: string, record: Buffer): string {
  let times: Record<string, bigint>;
  try {
    times = { ...parseMdata(record) };
  } catch (error) {
    return `bad: ${(error as Error).message}`;
  }
  const spread = /(^|\/)times\//.test(path);
  const ordered = Object.entries(times).sort(([a, x], [b, y]) => (x < y ? -1 : x > y ? 1 : a < b ? -1 : 1));
  const groups: string[][] = [];
  let before: bigint | undefined;
  for (const [name, time] of ordered) {
    const word = time < SET_ON_PURPOSE_BELOW ? `${name} (${time})` : name;
    if (before !== undefined && (!spread || time - before < APART)) groups.at(-1)!.push(word);
    else groups.push([word]);
    before = time;
  }
  return groups.map((words) => words.sort().join(' ')).join(' < ');
}
