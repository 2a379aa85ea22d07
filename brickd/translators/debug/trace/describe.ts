/** Arguments and replies of fops as text, `key=value` by `key=value`, with the names that Gluster's trace has for them. */
import { Dict } from '../../../../mux/xlator/dict.js';
import type { Flock } from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import { Iatt, NO_IATT } from '../../../../mux/xlator/iatt.js';
import { Fd, Inode, type Loc } from '../../../../mux/xlator/inode.js';
import { pathOf, pathUnder } from '../../../../mux/xlator/known-path.js';

/** Longest line in characters; longer ones are cut. */
export const MAX_TEXT = 4095;
/** Items of a list that are named. */
const MAX_ITEMS = 32;

/** Fields without information, or that other fields contain. */
const LEFT_OUT: ReadonlySet<string> = new Set(['xdata', 'region', 'start', 'errno']);

const REPLY_NAMES: Readonly<Record<string, string>> = {
  stat: '*stbuf',
  pre: '*prebuf',
  post: '*postbuf',
  preparent: '*preparent',
  postparent: '*postparent',
  preOldParent: '*preoldparent',
  postOldParent: '*postoldparent',
  preNewParent: '*prenewparent',
  postNewParent: '*postnewparent',
};

export function argumentsText(args: object): string {
  return cut(parts(args).join(', '));
}

/** Of a reply; op_ret is what it counts, or 0. */
export function replyText(reply: object): string {
  const { count, ret, ...rest } = reply as { count?: number; ret?: number };
  return cut([`op_ret=${count ?? ret ?? 0}`, ...parts(rest, REPLY_NAMES)].join(', '));
}

const cut = (text: string): string => (text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text);

function parts(values: object, names: Readonly<Record<string, string>> = {}): string[] {
  const texts: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (LEFT_OUT.has(key)) continue;
    const text = part(names[key] ?? key, value);
    if (text !== null) texts.push(text);
  }
  return texts;
}

/** Null for a value that says nothing. */
function part(key: string, value: unknown): string | null {
  switch (typeof value) {
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'string':
      return `${key}=${value}`;
    case 'object':
      return value === null ? null : objectPart(key, value);
    default:
      return null;
  }
}

function objectPart(key: string, value: object): string | null {
  if (value instanceof Inode) return `gfid=${gfidText(value.gfid)} path=${pathOf(value)}`;
  if (value instanceof Fd) return `gfid=${gfidText(value.inode.gfid)} ${key}=${value.number}`;
  if (value instanceof Iatt) return value === NO_IATT ? null : `${key} {${iattText(value)}}`;
  if (value instanceof Dict) return `${key}=(${listed([...value.map.keys()])})`;
  if (value instanceof Uint8Array)
    return `${key}=${value.length === 16 ? gfidText(value) : Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `${key}=${value.length}`;
  if ('parent' in value && 'inode' in value) return locPart(key, value as Loc);
  if ('whence' in value) return flockText(value as Flock);
  return null;
}

function listed(items: readonly string[]): string {
  const more = items.length - MAX_ITEMS;
  return more > 0 ? `${items.slice(0, MAX_ITEMS).join(', ')}, and ${more} more` : items.join(', ');
}

function locPart(key: string, { inode, parent, name }: Loc): string {
  const of = key === 'loc' ? '' : `${key}: `;
  const gfid = inode === null ? '' : `gfid=${gfidText(inode.gfid)} `;
  if (parent !== null) return `${of}${gfid}path=${pathUnder(parent, name)}`;
  return `${of}${gfid}path=${inode === null ? '(null)' : pathOf(inode)}`;
}

const flockText = (f: Flock): string =>
  `lock {l_type=${f.type}, l_whence=${f.whence}, l_start=${f.start}, l_len=${f.len}, l_pid=${f.pid}}`;

function iattText(s: Iatt): string {
  return (
    `gfid=${gfidText(s.gfid)}, mode=${s.mode.toString(8)}, nlink=${s.nlink}, uid=${s.uid}, gid=${s.gid}, size=${s.size}, ` +
    `blocks=${s.blocks}, atime_sec=${s.atime}, atime_nsec=${s.atimeNsec}, mtime_sec=${s.mtime}, mtime_nsec=${s.mtimeNsec}, ` +
    `ctime_sec=${s.ctime}, ctime_nsec=${s.ctimeNsec}`
  );
}
