/** The fops getxattr and fgetxattr: one value, all values, or a computed one. */

import type { Call } from '../../../mux/xlator/call.js';
import { Dict } from '../../../mux/xlator/dict.js';
import { failure } from '../../../mux/xlator/fop-error.js';
import type { DictReply, FgetxattrArgs, GetxattrArgs, MaybePromise } from '../../../mux/xlator/fops.js';
import type { Inode } from '../../../mux/xlator/inode.js';
import { then } from '../../../mux/xlator/maybe-promise.js';
import { ENODATA } from '../../../native/errno.js';
import type { Region } from '../../../native/memory.js';
import type { BrickDir } from '../../brick-dir/brick-dir.js';
import type { FileRef } from '../../disk/file-ref.js';
import { isHidden, isIdentity, isUnlisted } from '../../disk/format/xattr-names.js';
import { statInode } from '../../disk/query/stat-inode.js';
import { eachXattr } from '../../disk/query/xattr-reply.js';
import { readAllXattrs, readXattr } from '../../disk/query/xattr-values.js';
import { virtualByFd, virtualByInode } from './virtual-xattrs.js';

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
    then(statInode(store, call, inode, file, xdata), ({ dict }) => ({ ret: reply.ret, dict: reply.dict, xdata: dict })),
  );
}

function withFdXdata(store: BrickDir, call: Call, args: FgetxattrArgs, reply: DictReply): MaybePromise<DictReply> {
  if (args.xdata === null) return reply;
  return then(store.files.fileRef(args.fd), (file) =>
    then(statInode(store, call, args.fd.inode, file, args.xdata), ({ dict }) => ({
      ret: reply.ret,
      dict: reply.dict,
      xdata: dict,
    })),
  );
}

function getOne(store: BrickDir, call: Call, file: FileRef, name: string): MaybePromise<DictReply> {
  return then(readXattr(store, call, file, name), (value) => ({
    ret: value.length,
    dict: isIdentity(name) ? new Dict() : new Dict().setBytes(name, value),
    xdata: null,
  }));
}

/** All xattrs. ret is the size of the last one, as Gluster has it. filtered: without those that clients must not see. */
function listAll(store: BrickDir, call: Call, file: FileRef, filtered: boolean): MaybePromise<DictReply> {
  return then(readAllXattrs(store, call, file), (run) => {
    const reply = collect(call, run.memory, run.length, filtered);
    run.memory.release();
    return reply;
  });
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
