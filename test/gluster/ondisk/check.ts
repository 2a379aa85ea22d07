/** Checks that a stopped or quiet brick keeps the on-disk contract of Gluster: gfids, handles, gfid2path, time records. */
import { MDATA, parseMdata } from './mdata.js';
import { type Entry, modeOf, nameOf, parentOf, readTree, typeOf, uuid } from './tree.js';
import { xxh64 } from './xxh64.js';

const GFID = 'trusted.gfid';
const GFID2PATH = 'trusted.gfid2path.';
const ROOT = '00000000-0000-0000-0000-000000000001';
/** posix writes no more of these than a file has links, and none beyond this many. */
const MAX_GFID2PATH_LINKS = 500n;
const KNOWN =
  /^(trusted\.(afr\.(dirty|[^.]+-client-\d+)|ec\.(config|version|size|dirty)|gfid|gfid2path\.[0-9a-f]{16}|glusterfs\.(mdata|volume-id|dht(\.(linkto|mds))?))|(system\.posix_acl|trusted\.SGI_ACL)_\w+|trusted\.test\.|user\.|security\.)/;
const HANDLE = /^\.glusterfs\/([0-9a-f]{2})(?:\/([0-9a-f]{2})(?:\/([^/]+))?)?$/;
const PLACES = /^\.glusterfs(\/(health_check|unlink|landfill|indices(\/.*)?|changelogs(\/.*)?|00\/00\/\.\.\.)?)?$/;
const LINKTO_MODE = 0o1000;
/** Where replicate keeps what a heal takes out of a directory before it knows where it belongs: made for itself, without times. */
const ANONYMOUS = /^\.glusterfs-anonymous-inode-[0-9a-f-]{36}$/;

const handleOf = (gfid: string): string => `.glusterfs/${gfid.slice(0, 2)}/${gfid.slice(2, 4)}/${gfid}`;

/** Bytes of the counters that replicate and disperse keep with a file: 32-bit ones, and 64-bit ones. */
const COUNTER_BYTES = new Map([
  ['trusted.ec.config', 8],
  ['trusted.ec.version', 16],
  ['trusted.ec.size', 8],
  ['trusted.ec.dirty', 16],
]);
const AFR_BYTES = 12;

export interface CheckOptions {
  /** Whether every file must have a time record: off for volumes with features.ctime off. */
  ctime: boolean;
  /** The brick is one of a set that has nothing left to heal: no file of it may say that another lacks something. */
  healed?: boolean;
}

/** What is wrong, a line each; empty for a good brick. */
export function checkBrick(root: string, options: CheckOptions = { ctime: true }): string[] {
  const tree = readTree(root);
  const problems: string[] = [];
  const links = new Map<bigint, Entry[]>();
  const gfids = new Map<string, bigint>();
  const outside = [...tree.values()].filter((e) => e.path !== '.glusterfs' && !e.path.startsWith('.glusterfs/'));
  for (const e of outside) {
    const complain = (text: string): unknown => problems.push(`${root}/${e.path}: ${text}`);
    for (const name of e.xattrs.keys()) if (!KNOWN.test(name)) complain(`unknown xattr ${name}`);
    const gfid = checkGfid(e, complain);
    if (gfid === '') continue;
    const other = gfids.get(gfid);
    if (other !== undefined && other !== e.stat.ino) complain(`gfid ${gfid} is that of another file too`);
    gfids.set(gfid, e.stat.ino);
    checkTimes(e, options, complain);
    checkCounters(e, options, complain);
    const handle = tree.get(handleOf(gfid));
    if (handle === undefined) complain(`no handle for ${gfid}`);
    else if (e.stat.isDirectory()) checkDirectoryHandle(e, handle, tree, complain);
    else if (handle.stat.ino !== e.stat.ino) complain(`handle of ${gfid} is another file`);
    if (e.stat.isDirectory()) {
      if ([...e.xattrs.keys()].some((k) => k.startsWith(GFID2PATH))) complain('a directory has gfid2path');
    } else {
      links.set(e.stat.ino, [...(links.get(e.stat.ino) ?? []), e]);
    }
  }
  for (const names of links.values()) checkLinks(root, names, tree, problems);
  checkHandles(root, tree, gfids, problems);
  return problems;
}

function checkGfid(e: Entry, complain: (text: string) => unknown): string {
  const value = e.xattrs.get(GFID);
  if (value === undefined || value.length !== 16 || value.every((b) => b === 0)) {
    complain(`trusted.gfid is ${value === undefined ? 'missing' : value.toString('hex')}`);
    return '';
  }
  const gfid = uuid(value);
  if ((e.path === '') !== (gfid === ROOT)) complain(`has gfid ${gfid}`);
  const volume = e.xattrs.get('trusted.glusterfs.volume-id');
  if ((e.path === '') !== (volume?.length === 16)) complain('volume-id is missing or misplaced');
  return gfid;
}

function checkTimes(e: Entry, options: CheckOptions, complain: (text: string) => unknown): void {
  const record = e.xattrs.get(MDATA);
  const linkto = !e.stat.isDirectory() && (Number(e.stat.mode) & 0o7777) === LINKTO_MODE;
  if (record === undefined) {
    if (options.ctime && !linkto && e.path !== '' && !ANONYMOUS.test(e.path)) complain('no mdata');
    return;
  }
  try {
    parseMdata(record);
  } catch (error) {
    complain((error as Error).message);
  }
}

/** What replicate and disperse know of a file's copies. */
function checkCounters(e: Entry, options: CheckOptions, complain: (text: string) => unknown): void {
  for (const [name, value] of e.xattrs) {
    const afr = name.startsWith('trusted.afr.');
    const bytes = afr ? AFR_BYTES : COUNTER_BYTES.get(name);
    if (bytes === undefined) continue;
    if (value.length !== bytes) complain(`${name} has ${value.length} bytes`);
    else if (options.healed && (afr || name === 'trusted.ec.dirty') && value.some((b) => b !== 0)) {
      complain(`${name} is ${value.toString('hex')} after all is healed`);
    }
  }
}

function checkDirectoryHandle(
  e: Entry,
  handle: Entry,
  tree: Map<string, Entry>,
  complain: (text: string) => unknown,
): void {
  if (typeOf(handle.stat) !== 'symlink') {
    complain('its handle is no symlink');
    return;
  }
  let want = '../../..';
  if (e.path !== '') {
    const parent = uuid(tree.get(parentOf(e.path))?.xattrs.get(GFID) ?? Buffer.alloc(16));
    want = `../../${parent.slice(0, 2)}/${parent.slice(2, 4)}/${parent}/${nameOf(e.path)}`;
  }
  if (handle.target !== want) complain(`its handle points to ${handle.target}, not ${want}`);
}

/** A file under all its names: their number, and a gfid2path for each. */
function checkLinks(root: string, names: Entry[], tree: Map<string, Entry>, problems: string[]): void {
  const first = names[0]!;
  const complain = (text: string): unknown => problems.push(`${root}/${first.path}: ${text}`);
  if (first.stat.nlink !== BigInt(names.length + 1)) {
    complain(`has ${first.stat.nlink} links, but ${names.length} names and a handle`);
  }
  if (first.stat.nlink > MAX_GFID2PATH_LINKS) return;
  const want = new Set<string>();
  for (const { path } of names) {
    const parent = uuid(tree.get(parentOf(path))?.xattrs.get(GFID) ?? Buffer.alloc(16));
    const value = `${parent}/${nameOf(path)}`;
    want.add(`${GFID2PATH}${xxh64(Buffer.from(value, 'latin1'))}=${value}`);
  }
  for (const [key, value] of first.xattrs) {
    if (!key.startsWith(GFID2PATH)) continue;
    const pair = `${key}=${value.toString('latin1')}`;
    if (!want.delete(pair) && !replaced(value.toString('latin1'), first, tree))
      complain(`has ${pair} for no name of it`);
  }
  for (const pair of want) complain(`lacks ${pair}`);
}

/** Stock leaves the gfid2path of a name that a rename gave to another file, as long as the file has more names. */
function replaced(value: string, file: Entry, tree: Map<string, Entry>): boolean {
  const parent = tree.get(handleOf(parentOf(value)));
  if (parent === undefined) return false;
  for (const e of tree.values()) {
    if (!e.stat.isDirectory() && nameOf(e.path) === nameOf(value) && e.stat.ino !== file.stat.ino) {
      const gfid = tree.get(parentOf(e.path))?.xattrs.get(GFID);
      if (gfid !== undefined && uuid(gfid) === parentOf(value)) return true;
    }
  }
  return false;
}

/** What lies in .glusterfs: nothing without a file, nothing unknown, the right modes. */
function checkHandles(root: string, tree: Map<string, Entry>, gfids: Map<string, bigint>, problems: string[]): void {
  for (const e of tree.values()) {
    if (e.path !== '.glusterfs' && !e.path.startsWith('.glusterfs/')) continue;
    const complain = (text: string): unknown => problems.push(`${root}/${e.path}: ${text}`);
    const mode = modeOf(e.stat);
    const [, first = '', second = '', name = ''] = HANDLE.exec(e.path) ?? [];
    if (first === '') {
      if (!PLACES.test(e.path))
        complain(/^\.glusterfs\/(unlink|landfill)\//.test(e.path) ? 'is left over' : 'is unknown');
      else if (/^\.glusterfs(\/(unlink|indices))?$/.test(e.path) && mode !== '600') complain(`has mode ${mode}`);
    } else if (name === '') {
      if (!e.stat.isDirectory() || mode !== '700') complain(`is a ${typeOf(e.stat)} of mode ${mode}`);
    } else if (!gfids.has(name)) {
      complain('is the handle of nothing');
    } else if (!name.startsWith(first + second)) {
      complain('is a handle in the wrong place');
    }
  }
}
