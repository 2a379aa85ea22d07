/** getxattr and fgetxattr: one value, all of them, or the answer to a question in the form of a name. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { DictReply, FgetxattrArgs, GetxattrArgs, MaybePromise } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import { ALWAYS, type Batch, batch, Priority, reg } from '../../../native/batch.js';
import { E2BIG, EAGAIN, ENODATA, ERANGE } from '../../../native/errno.js';
import { O_NOFOLLOW, O_PATH, RESOLVE_CACHED } from '../../../native/linux.js';
import { type Region, region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../../disk/file-ref.js';
import { isHidden, isIdentity, isUnlisted } from '../../disk/format/xattr-names.js';
import { look } from '../../disk/query/stat-inode.js';
import { eachXattr } from '../../disk/query/xattr-reply.js';
import { virtualByFd, virtualByInode } from './virtual-xattrs.js';

/** Room for a value in the batch; larger ones get the most that Linux allows. */
const SMALL = 1024;
const LARGEST = 65536;
const MOST_OF_ALL = 16 * 1024 * 1024;

const GONE: DictReply = Object.freeze({ ret: 0, dict: null, xdata: null });

export function getxattr(store: BrickDir, call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
  const { inode, name, xdata } = args;
  if (name !== '' && isHidden(name, call.pid)) throw failure(ENODATA);
  const answer = name === '' ? null : virtualByInode(store, call, inode, name);
  if (answer !== null) return then(answer, (reply) => withXdata(store, call, inode, reply, xdata));
  const reply = then(store.fileRef(inode), (file) =>
    name === '' ? listAll(store, call, file, true) : getOne(store, call, file, name),
  );
  return xdata === null ? reply : then(reply, (r) => withXdata(store, call, inode, r, xdata));
}

export function fgetxattr(store: BrickDir, call: Call, args: FgetxattrArgs): MaybePromise<DictReply> {
  const { fd, name, xdata } = args;
  return then(store.files.fileRef(fd), (file) => {
    const answer = name === '' ? null : virtualByFd(store, call, fd, file, name);
    if (answer !== null) return then(answer, (reply) => withFdXdata(store, call, args, reply));
    const reply = name === '' ? listAll(store, call, file, false) : getOne(store, call, file, name);
    return xdata === null ? reply : then(reply, (r) => withFdXdata(store, call, args, r));
  });
}

/** Adds what the request's xdata asks for. */
function withXdata(
  store: BrickDir,
  call: Call,
  inode: Inode,
  reply: DictReply,
  xdata: Dict | null,
): MaybePromise<DictReply> {
  if (xdata === null) return reply;
  return then(store.fileRef(inode), (file) =>
    then(look(store, call, inode, file, xdata), ({ dict }) => ({ ret: reply.ret, dict: reply.dict, xdata: dict })),
  );
}

function withFdXdata(store: BrickDir, call: Call, args: FgetxattrArgs, reply: DictReply): MaybePromise<DictReply> {
  if (args.xdata === null) return reply;
  return then(store.files.fileRef(args.fd), (file) =>
    then(look(store, call, args.fd.inode, file, args.xdata), ({ dict }) => ({
      ret: reply.ret,
      dict: reply.dict,
      xdata: dict,
    })),
  );
}

/** A reading of xattrs of a file: ops of a batch that may start with a cached look at the handle. */
function program(b: Batch, file: FileRef, resolve: number, op: () => void): void {
  const byPath = file.name !== null && file.name !== '.';
  if (byPath && resolve !== 0) {
    // Says whether the handle is in the cache.
    b.open(file.fd, file.name!, O_PATH | O_NOFOLLOW, 0, resolve);
    op();
    b.close(reg(0), ALWAYS);
  } else {
    op();
  }
}

/**
 * Value of one xattr; releases the file. Inline while the handle is in the kernel's cache. Fails with ENODATA when the file
 * has no such xattr.
 */
export function readValue(store: BrickDir, call: Call, file: FileRef, name: string): MaybePromise<Uint8Array> {
  if (!store.inline) return readLarge(store, call, file, name);
  const b = batch();
  const at = b.out(SMALL);
  let op = 0;
  program(b, file, RESOLVE_CACHED, () => {
    op = b.getxattr(file.fd, file.name, name, at, SMALL);
  });
  store.inlining.run(b);
  const r = b.result(op);
  const cold = op > 0 && b.result(0) === -EAGAIN;
  if (r >= 0 && !cold) {
    const value = Uint8Array.prototype.slice.call(b.view(at, r));
    b.release();
    file.release();
    return value;
  }
  const errno = b.errno;
  b.release();
  if (cold || errno === ERANGE) return readLarge(store, call, file, name);
  file.release();
  throw failure(errno);
}

async function readLarge(store: BrickDir, call: Call, file: FileRef, name: string): Promise<Uint8Array> {
  call.charge(LARGEST);
  const into = region(LARGEST);
  const b = batch();
  b.getxattr(file.fd, file.name, name, into.address, LARGEST);
  await store.run(b, 0, store.priority(call, Priority.normal));
  file.release();
  const r = b.result(0);
  b.release();
  const value = r >= 0 ? Uint8Array.prototype.slice.call(into.bytes, 0, r) : null;
  into.release();
  if (value === null) throw failure(r);
  return value;
}

function getOne(store: BrickDir, call: Call, file: FileRef, name: string): MaybePromise<DictReply> {
  return then(readValue(store, call, file, name), (value) => ({
    ret: value.length,
    dict: isIdentity(name) ? new Dict() : new Dict().setBytes(name, value),
    xdata: null,
  }));
}

/** All xattrs. ret is the size of the last one, as Gluster has it. filtered: without those that clients must not see. */
function listAll(store: BrickDir, call: Call, file: FileRef, filtered: boolean): MaybePromise<DictReply> {
  if (!store.inline) return listLarge(store, call, file, filtered, LARGEST);
  const into = region(LARGEST);
  const b = batch();
  let op = 0;
  program(b, file, RESOLVE_CACHED, () => {
    op = b.xattrs(file.fd, file.name, '', into.address, into.capacity);
  });
  store.inlining.run(b);
  const r = b.result(op);
  const cold = op > 0 && b.result(0) === -EAGAIN;
  const errno = b.errno;
  b.release();
  if (r >= 0 && !cold) {
    const reply = collect(call, into, r, filtered);
    into.release();
    file.release();
    return reply;
  }
  into.release();
  if (cold || errno === ERANGE) return listLarge(store, call, file, filtered, cold ? LARGEST : LARGEST * 8);
  file.release();
  throw failure(errno);
}

async function listLarge(
  store: BrickDir,
  call: Call,
  file: FileRef,
  filtered: boolean,
  room: number,
): Promise<DictReply> {
  call.charge(2 * room);
  const into = region(room);
  const b = batch();
  b.xattrs(file.fd, file.name, '', into.address, into.capacity);
  await store.run(b, 0, store.priority(call, Priority.normal));
  const r = b.result(0);
  b.release();
  const reply = r >= 0 ? collect(call, into, r, filtered) : GONE;
  into.release();
  if (r === -ERANGE && room < MOST_OF_ALL) return listLarge(store, call, file, filtered, room * 8);
  file.release();
  if (r < 0) throw failure(r === -ERANGE ? E2BIG : r);
  return reply;
}

function collect(call: Call, into: Region, length: number, filtered: boolean): DictReply {
  const dict = new Dict();
  let last = 0;
  let names = 0;
  eachXattr(into.bytes, 0, length, (name, at, valueLength) => {
    names += name.length + 1;
    if (filtered && isUnlisted(name, call.pid)) return;
    last = valueLength;
    if (!isIdentity(name)) dict.setBytes(name, Uint8Array.prototype.slice.call(into.bytes, at, at + valueLength));
  });
  const nothing = dict.size === 0 && last === 0;
  return { ret: nothing ? names : last, dict, xdata: null };
}
