/** Computed xattrs: getxattr names that ask a question (paths, ACL text, counts) and are not stored on disk. */
import { hostname } from 'node:os';
import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure, fopErrorOf, nullOnFailure } from '../../../mux/xlator/fop-error.js';
import type { DictReply, MaybePromise } from '../../../mux/xlator/fops.js';
import { gfidText, isNullGfid, parseGfid } from '../../../mux/xlator/gfid.js';
import type { Fd, Inode } from '../../../mux/xlator/inode.js';
import { pathOf } from '../../../mux/xlator/known-path.js';
import * as key from '../../../mux/xlator/xdata-keys.js';
import { batch } from '../../../native/batch.js';
import { EACCES, EINVAL, ENODATA, ENOTDIR } from '../../../native/errno.js';
import { Priority } from '../../../native/layout.js';
import { O_DIRECTORY, S_IFDIR } from '../../../native/linux.js';
import { region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import { type FileRef, unheld } from '../../disk/file-ref.js';
import { aclToText, modeToAclText } from '../../disk/format/acl-text.js';
import { EntryCursor } from '../../disk/format/dir-entries.js';
import { HANDLE_DIR } from '../../disk/format/handle-name.js';
import { isPathinfo } from '../../disk/format/xattr-names.js';
import { ancestryPath, directoryPath, linksOf } from '../../disk/query/ancestry.js';
import { statInode } from '../../disk/query/stat-inode.js';
import { readXattr } from '../../disk/query/xattr-values.js';

const LISTING = 128 * 1024;

function text(name: string, value: string, ret: number): DictReply {
  return { ret, dict: new Dict().setText(name, value), xdata: null };
}

/** The answer to a name asked of an inode; null when the name is no question. */
export function virtualByInode(
  store: BrickDir,
  call: Call,
  inode: Inode,
  name: string,
): MaybePromise<DictReply> | null {
  if (!name.includes('glusterfs')) return null;
  if (key.isAclText(name)) return aclText(store, call, inode, name);
  if (name.startsWith(key.REAL_FILENAME)) return realFilename(store, call, inode, name);
  if (name === key.OPEN_FD_COUNT) {
    return { ret: 0, dict: new Dict().setUint(name, inode.fdCount > 0 ? 1 : 0), xdata: null };
  }
  if (isPathinfo(name)) return pathinfo(store, inode, name);
  if (name === key.NODE_UUID) return nodeUuid(store);
  if (name === key.TABLE_PATH) {
    const path = pathOf(inode);
    return text(name, path, path.length);
  }
  if (name === key.LINK_PATHS) return linkPaths(store, inode, name);
  if (name === key.ANCESTRY_PATH) return ancestry(store, inode);
  if (name.startsWith(key.SIGNATURE)) {
    return Promise.resolve(store.fileRef(inode)).then((file) => signature(store, call, file));
  }
  return null;
}

/** As {@link virtualByInode}, of an open file: the questions that make sense there. Releases the file if it answers. */
export function virtualByFd(
  store: BrickDir,
  call: Call,
  fd: Fd,
  file: FileRef,
  name: string,
): MaybePromise<DictReply> | null {
  if (!name.includes('glusterfs')) return null;
  if (name.startsWith(key.REAL_FILENAME)) {
    file.release();
    return realFilename(store, call, fd.inode, name);
  }
  if (name === key.OPEN_FD_COUNT) {
    file.release();
    return { ret: 0, dict: new Dict().setUint(name, 1), xdata: null };
  }
  if (name.startsWith(key.SIGNATURE)) return signature(store, call, file);
  return null;
}

/** The file's ACL as libacl prints it; a file without one has that of its mode, a directory an empty default one. */
async function aclText(store: BrickDir, call: Call, inode: Inode, name: string): Promise<DictReply> {
  const isDefault = name.startsWith(key.ACL_DEFAULT_TEXT);
  let value: string | null;
  try {
    const xattr = isDefault ? key.ACL_DEFAULT_XATTR : key.ACL_ACCESS_XATTR;
    value = aclToText(await readXattr(store, call, await store.fileRef(inode), xattr));
  } catch (error) {
    if (fopErrorOf(error).errno !== ENODATA) throw error;
    const { stat } = await statInode(store, call, inode, await store.fileRef(inode), null);
    if (isDefault && !stat.isDirectory) throw failure(EACCES);
    value = isDefault ? '' : modeToAclText(stat.mode);
  }
  if (value === null) throw failure(EINVAL);
  return text(name, value, 0);
}

/** The name in a directory that a name means to clients that ignore case. ENODATA when there is none. */
async function realFilename(store: BrickDir, call: Call, inode: Inode, name: string): Promise<DictReply> {
  if (inode.type !== S_IFDIR) throw failure(ENOTDIR);
  const wanted = foldCase(name.slice(key.REAL_FILENAME.length));
  const file = await store.fileRef(inode);
  const priority = store.priority(call, Priority.normal);
  const o = batch();
  o.open(file.fd, '.', O_DIRECTORY);
  await store.run(o, 0, priority);
  file.release();
  const fd = o.result(0);
  o.release();
  if (fd < 0) throw failure(fd);
  const into = region(LISTING);
  try {
    let offset = 0n;
    for (;;) {
      const b = batch();
      const wants = b.readdirWants(false, 0xffffffff, '');
      const high = Number(offset >> 32n);
      b.readdir(fd, high, Number(offset & 0xffffffffn), into.address, into.capacity, wants);
      await store.run(b, 0, priority);
      const n = b.result(0);
      b.release();
      if (n < 0) throw failure(n);
      if (n === 0) throw failure(ENODATA);
      const cursor = new EntryCursor(into, n);
      while (cursor.next()) {
        if (foldCase(cursor.name) === wanted) return text(name, cursor.name, cursor.name.length + 1);
        offset = cursor.offset;
      }
    }
  } finally {
    into.release();
    store.closing.close(fd);
  }
}

/** Lower case of ASCII letters only, as strcasecmp has it in the C locale. */
function foldCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** `<POSIX(brick):host:path>`: where on which host a file really is. */
async function pathinfo(store: BrickDir, inode: Inode, name: string): Promise<DictReply> {
  const o = store.options;
  const uuid = parseGfid(o['glusterd-uuid'] ?? '');
  const host =
    o['node-uuid-pathinfo'] && uuid !== null && !isNullGfid(uuid) ? gfidText(uuid) : (o.hostname ?? hostname());
  const value = `<POSIX(${store.path}):${host}:${await realPath(store, inode)}>`;
  return text(name, value, value.length);
}

async function realPath(store: BrickDir, inode: Inode): Promise<string> {
  const known = pathOf(inode);
  if (known.startsWith('/')) return known === '/' ? `${store.path}/` : store.path + known;
  if (inode.type === S_IFDIR) return store.path + (await directoryPath(store, inode.gfid));
  return `${store.path}/${HANDLE_DIR}/${store.state(inode).handle}`;
}

function nodeUuid(store: BrickDir): DictReply | null {
  const uuid = parseGfid(store.options['glusterd-uuid'] ?? '');
  if (uuid === null || isNullGfid(uuid)) return null;
  return text(key.NODE_UUID, gfidText(uuid), 36);
}

/** Paths of a file by what its xattrs report its names. ENODATA when the brick keeps no such xattrs, or the file has none. */
async function linkPaths(store: BrickDir, inode: Inode, name: string): Promise<DictReply> {
  if (!store.options.gfid2path) throw failure(ENODATA);
  if (inode.type === S_IFDIR) return text(name, await directoryPath(store, inode.gfid), 0);
  const { links } = await linksOf(store, inode.gfid);
  if (links.length === 0) throw failure(ENODATA);
  const paths: string[] = [];
  for (const link of links) {
    const above = await directoryPath(store, link.parent);
    paths.push(above === '/' ? `/${link.name}` : `${above}/${link.name}`);
  }
  const value = Buffer.from(paths.join(store.options['gfid2path-separator']), 'latin1');
  return { ret: 0, dict: new Dict().setBytes(name, value), xdata: null };
}

async function ancestry(store: BrickDir, inode: Inode): Promise<DictReply> {
  const path = await ancestryPath(store, inode.gfid, inode.type === S_IFDIR).catch(nullOnFailure);
  if (path === null) throw failure(ENODATA);
  return text(key.ANCESTRY_PATH, path, 0);
}

/** Version and signature of a file for the bit-rot daemons: what there is of them. */
async function signature(store: BrickDir, call: Call, file: FileRef): Promise<DictReply> {
  const dict = new Dict();
  const held = unheld(file);
  try {
    let size = 0;
    for (const name of [key.BITROT_VERSION, key.BITROT_SIGNATURE]) {
      try {
        const value = await readXattr(store, call, held, name);
        dict.setBytes(name, value);
        if (name === key.BITROT_SIGNATURE) size = value.length;
      } catch (error) {
        if (fopErrorOf(error).errno !== ENODATA) throw failure(EINVAL);
      }
    }
    return { ret: 0, dict: dict.setUint(key.BITROT_SIZE, size), xdata: null };
  } finally {
    file.release();
  }
}
