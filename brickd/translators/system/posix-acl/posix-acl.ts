/**
 * system/posix-acl (features/access-control in volfiles): may the caller do what it asks for? By mode and POSIX ACLs, for
 * everyone but the super-user and Gluster's internal clients; and what a new file inherits from its directory, for all.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import type { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type {
  AccessArgs,
  AccessReply,
  CreateArgs,
  CreateReply,
  DictReply,
  EntryReply,
  FremovexattrArgs,
  FsetattrArgs,
  FsetxattrArgs,
  GetxattrArgs,
  LinkArgs,
  LookupArgs,
  LookupReply,
  MaybePromise,
  MkdirArgs,
  MknodArgs,
  NamelinkArgs,
  OpenArgs,
  OpendirArgs,
  PrePostReply,
  ReaddirArgs,
  ReaddirReply,
  RemoveReply,
  RemovexattrArgs,
  RenameArgs,
  RenameReply,
  RmdirArgs,
  SetattrArgs,
  SetxattrArgs,
  SymlinkArgs,
  TruncateArgs,
  UnlinkArgs,
  Xdata,
} from '../../../../mux/xlator/fops.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { Fd, Inode, Loc } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { isAclText, SYNC_XATTRS } from '../../../../mux/xlator/xdata-keys.js';
import { EACCES, EINVAL, EPERM } from '../../../../native/errno.js';
import {
  FMODE_EXEC,
  O_ACCMODE,
  O_APPEND,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_ISGID,
  S_ISVTX,
} from '../../../../native/linux.js';
import { copyDict } from '../../copy-dict.js';
import { ACCESS_KEY, DEFAULT_KEY, encodeAcl, inGroup, inherit, Permission, parseAcl, permits } from './acl.js';
import { type FileContext, FileContexts } from './file-context.js';
import type { Options } from './options.js';

const { execute: X, write: W, read: R } = Permission;

/** Names under which ACLs are set: binary, and as text for gfapi (every name that begins as the two do). */
const isAclKey = (name: string): boolean => name === ACCESS_KEY || name === DEFAULT_KEY || isAclText(name);

function mentionsAcl(dict: Dict): boolean {
  for (const name of dict.map.keys()) if (isAclKey(name)) return true;
  return false;
}

/** A SETXATTR that changes ACLs: it sets some, or removes (healing) those that it doesn't set. */
function setsAcl(args: { dict: Dict } & Xdata): boolean {
  return mentionsAcl(args.dict) || args.xdata?.has(SYNC_XATTRS) === true;
}

/** A REMOVEXATTR without a name has the names in its xdata. */
function removesAcl(args: { name: string } & Xdata): boolean {
  return isAclKey(args.name) || (args.name === '' && args.xdata !== null && mentionsAcl(args.xdata));
}

/** The pid that Gluster's own NFS server gives to all its calls. */
const NFS_PID = 1;

const SetAttr = { mode: 1, uid: 2, gid: 4, atime: 0x10, mtime: 0x20 } as const;

export class PosixAclTranslator extends Translator<Options> {
  readonly #files: FileContexts;
  #superUid: number;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#files = new FileContexts(init.brick, init.slot);
    this.#superUid = init.options['super-uid'];
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#superUid = options['super-uid'];
  }

  override forget(inode: Inode): void {
    this.#files.forget(inode);
  }

  #superUser(call: Call): boolean {
    return call.uid === 0 || call.uid === this.#superUid;
  }

  /** Never refused anything that goes by permission bits. */
  #trusted(call: Call): boolean {
    return call.uid === 0 || call.pid < 0 || call.uid === this.#superUid;
  }

  /** What is known of a file, read from disk if need be. */
  #file(call: Call, inode: Inode): MaybePromise<FileContext> {
    return this.#files.peek(inode) ?? this.#files.fetch(call, inode, this.next);
  }

  /** EACCES unless the caller, who is not trusted, has all of `want` on a file. */
  #check(call: Call, inode: Inode, want: number): MaybePromise<void> {
    const file = this.#files.peek(inode);
    if (file === undefined) return this.#checkUnknown(call, inode, want);
    if (!permits(file, call, want)) throw failure(EACCES);
  }

  async #checkUnknown(call: Call, inode: Inode, want: number): Promise<void> {
    const file = await this.#files.fetch(call, inode, this.next);
    if (!permits(file, call, want)) throw failure(EACCES);
  }

  /** In a directory with the sticky bit, only its owner and the file's may remove or rename a file. */
  #checkSticky(call: Call, parent: Inode, inode: Inode | null | undefined): MaybePromise<void> {
    return then(this.#file(call, parent), (directory) => {
      if ((directory.mode & S_ISVTX) === 0 || call.uid === directory.uid) return;
      // Nothing is known of the file under this name, and so not that it is the caller's.
      if (inode === null || inode === undefined) throw failure(EACCES);
      return then(this.#file(call, inode), (file) => {
        if (call.uid !== file.uid) throw failure(EACCES);
      });
    });
  }

  // --- looking ------------------------------------------------------------------------------------------------------

  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    if (this.#trusted(call)) return this.next.lookup(call, args);
    const { parent } = args.loc;
    if (parent === null) return this.#lookup(call, args);
    return then(this.#check(call, parent, X), () => this.#lookup(call, args));
  }

  #lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const mark = this.#files.mark;
    return then(this.next.lookup(call, { ...args, xdata: withAclKeys(args.xdata) }), (reply) => {
      this.#files.learn(reply.stat, reply.xdata, mark);
      return reply;
    });
  }

  opendir(call: Call, args: OpendirArgs): MaybePromise<Xdata> {
    if (this.#trusted(call)) return this.next.opendir(call, args);
    return then(this.#check(call, args.inode, R), () => this.next.opendir(call, args));
  }

  readdir(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    if (this.#trusted(call)) return this.next.readdir(call, args);
    return then(this.#check(call, args.fd.inode, R), () => this.next.readdir(call, args));
  }

  readdirp(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    if (this.#trusted(call)) return this.next.readdirp(call, args);
    return then(this.#check(call, args.fd.inode, R), () => {
      const mark = this.#files.mark;
      return then(this.next.readdirp(call, { ...args, xdata: withAclKeys(args.xdata) }), (reply) => {
        for (const entry of reply.entries) {
          if (entry.dict !== null) this.#files.learn(entry.stat, entry.dict, mark);
        }
        return reply;
      });
    });
  }

  /** Answered here: those below would ask the kernel, for root. */
  access(call: Call, args: AccessArgs): MaybePromise<AccessReply> {
    const want = args.mask & (R | W | X);
    if (args.mask === 0) return { errno: 0, xdata: null };
    if (call.pid === NFS_PID) {
      if (want === 0 || this.#trusted(call)) return { errno: want, xdata: null };
      return then(this.#file(call, args.inode), (file) => {
        let granted = 0;
        for (const bit of [R, W, X]) if ((want & bit) !== 0 && permits(file, call, bit)) granted |= bit;
        return { errno: granted, xdata: null };
      });
    }
    if (want === 0) throw failure(EINVAL);
    if (this.#trusted(call)) return { errno: 0, xdata: null };
    return then(this.#check(call, args.inode, want), () => ({ errno: 0, xdata: null }));
  }

  // --- data ---------------------------------------------------------------------------------------------------------

  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    if (this.#trusted(call)) return this.next.open(call, args);
    return then(this.#check(call, args.inode, openWants(args.flags)), () => this.next.open(call, args));
  }

  truncate(call: Call, args: TruncateArgs): MaybePromise<PrePostReply> {
    if (this.#trusted(call)) return this.next.truncate(call, args);
    return then(this.#file(call, args.inode), (file) => {
      // NFS cuts files that their owner has open with SETATTR: no write permission is needed for it.
      const allowed = permits(file, call, W) || (call.pid === NFS_PID && call.uid === file.uid);
      if (!allowed) throw failure(EACCES);
      return this.next.truncate(call, args);
    });
  }

  // --- entries ------------------------------------------------------------------------------------------------------

  /** Checks that an entry may be made in `loc`; gives what the directory passes on. */
  #directory(call: Call, loc: Loc): MaybePromise<FileContext> {
    return then(this.#file(call, loc.parent!), (directory) => {
      if (!this.#trusted(call) && !permits(directory, call, W | X)) throw failure(EACCES);
      return directory;
    });
  }

  /** Winds a creation with the mode and ACLs that the new file gets. */
  #make<A extends { loc: Loc; mode: number; umask: number } & Xdata, Reply extends EntryReply>(
    call: Call,
    args: A,
    directory: boolean,
    wind: (args: A) => MaybePromise<Reply>,
    isNew: () => boolean = () => true,
  ): MaybePromise<Reply> {
    return then(this.#directory(call, args.loc), (parent) => {
      const { mode: wished, umask } = wishedMode(args);
      const made = { uid: 0, gid: 0, mode: 0, access: null, default: null } as FileContext;
      const changed = { ...args, mode: wished & ~umask };
      if (parent.default !== null) {
        // With an ACL to inherit, the umask does not count.
        const { access, mode } = inherit(parent.default, wished);
        changed.mode = mode;
        changed.xdata = copyDict(args.xdata);
        changed.xdata.setBytes(ACCESS_KEY, encodeAcl(access));
        made.access = access;
        if (directory) {
          changed.xdata.setBytes(DEFAULT_KEY, encodeAcl(parent.default));
          made.default = parent.default;
        }
      }
      const mark = this.#files.mark;
      const reply = wind(changed);
      if (this.#trusted(call)) return reply;
      return then(reply, (r) => {
        if (!isNew()) return r;
        made.uid = r.stat.uid;
        made.gid = r.stat.gid;
        made.mode = r.stat.mode;
        this.#files.put(r.stat, made, mark);
        return r;
      });
    });
  }

  mkdir(call: Call, args: MkdirArgs): MaybePromise<EntryReply> {
    return this.#make(call, args, true, (a) => this.next.mkdir(call, a));
  }
  mknod(call: Call, args: MknodArgs): MaybePromise<EntryReply> {
    return this.#make(call, args, false, (a) => this.next.mknod(call, a));
  }
  create(call: Call, args: CreateArgs): MaybePromise<CreateReply> {
    if (this.#trusted(call)) return this.#make(call, args, false, (a) => this.next.create(call, a));
    let existed = false;
    // What exists is opened, for those who may open it.
    const admit = ({ uid, gid, mode }: Iatt, acl: Uint8Array | null): void => {
      existed = true;
      const file = { uid, gid, mode, access: acl === null ? null : parseAcl(acl) };
      if (!permits(file, call, openWants(args.flags))) throw failure(EACCES);
    };
    const wind = (a: CreateArgs): MaybePromise<CreateReply> => this.next.create(call, { ...a, admit });
    return this.#make(call, args, false, wind, () => !existed);
  }

  symlink(call: Call, args: SymlinkArgs): MaybePromise<EntryReply> {
    if (this.#trusted(call)) return this.next.symlink(call, args);
    return then(this.#check(call, args.loc.parent!, W | X), () => this.next.symlink(call, args));
  }

  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    if (this.#trusted(call)) return this.next.unlink(call, args);
    return then(this.#checkRemoval(call, args.loc), () => this.next.unlink(call, args));
  }

  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    if (this.#trusted(call)) return this.next.rmdir(call, args);
    return then(this.#checkRemoval(call, args.loc), () => this.next.rmdir(call, args));
  }

  #checkRemoval(call: Call, loc: Loc): MaybePromise<void> {
    const parent = loc.parent!;
    return then(this.#checkSticky(call, parent, loc.inode), () => this.#check(call, parent, W | X));
  }

  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    if (this.#trusted(call)) return this.next.rename(call, args);
    return this.#rename(call, args);
  }

  async #rename(call: Call, args: RenameArgs): Promise<RenameReply> {
    const { oldLoc, newLoc } = args;
    await this.#check(call, oldLoc.parent!, W);
    await this.#check(call, newLoc.parent!, W);
    await this.#checkSticky(call, oldLoc.parent!, oldLoc.inode);
    if (newLoc.inode !== null) await this.#checkSticky(call, newLoc.parent!, newLoc.inode);
    return this.next.rename(call, args);
  }

  link(call: Call, args: LinkArgs): MaybePromise<EntryReply> {
    if (this.#trusted(call)) return this.next.link(call, args);
    const parent = args.newLoc.parent!;
    return then(this.#check(call, parent, W), () =>
      then(this.#checkSticky(call, parent, args.inode), () => this.next.link(call, args)),
    );
  }

  namelink(call: Call, args: NamelinkArgs): MaybePromise<RemoveReply> {
    if (this.#trusted(call)) return this.next.namelink(call, args);
    return then(this.#check(call, args.loc.parent!, W | X), () => this.next.namelink(call, args));
  }

  // --- attributes ---------------------------------------------------------------------------------------------------

  setattr(call: Call, args: SetattrArgs): MaybePromise<PrePostReply> {
    const { inode } = args;
    if (this.#superUser(call)) return this.#attributes(inode, args.valid, this.next.setattr(call, args));
    return then(this.#file(call, inode), (file) => {
      const changed = this.#checkSetattr(call, file, args);
      return this.#attributes(inode, args.valid, this.next.setattr(call, changed));
    });
  }

  /** EPERM or EACCES unless the caller may change these attributes; the change as it may be made. */
  #checkSetattr<A extends Pick<SetattrArgs, 'valid' | 'stat'>>(call: Call, file: FileContext, args: A): A {
    const { valid, stat } = args;
    const owner = call.uid === file.uid;
    let changed = args;
    if ((valid & SetAttr.mode) !== 0) {
      if (!owner) throw failure(EPERM);
      if (!inGroup(call, file.gid) && (stat.mode & S_ISGID) !== 0) {
        const without = Object.assign(Object.create(Object.getPrototypeOf(stat)), stat) as typeof stat;
        without.mode &= ~S_ISGID;
        changed = { ...args, stat: without };
      }
    }
    if ((valid & (SetAttr.atime | SetAttr.mtime)) !== 0) {
      if (!owner && call.pid >= 0 && !permits(file, call, W)) throw failure(EACCES);
    }
    if ((valid & SetAttr.uid) !== 0 && stat.uid !== file.uid) throw failure(EPERM);
    if ((valid & SetAttr.gid) !== 0 && (!owner || !inGroup(call, stat.gid))) throw failure(EPERM);
    return changed;
  }

  /** What is open to be read or written is not the caller's for that. */
  fsetattr(call: Call, args: FsetattrArgs): MaybePromise<PrePostReply> {
    const { inode } = args.fd;
    if (this.#superUser(call)) return this.#attributes(inode, args.valid, this.next.fsetattr(call, args));
    return then(this.#file(call, inode), (file) => {
      const changed = this.#checkSetattr(call, file, args);
      return this.#attributes(inode, args.valid, this.next.fsetattr(call, changed));
    });
  }

  #attributes(inode: Inode, valid: number, reply: MaybePromise<PrePostReply>): MaybePromise<PrePostReply> {
    if ((valid & (SetAttr.mode | SetAttr.uid | SetAttr.gid)) === 0) return reply;
    return then(reply, (r) => {
      this.#files.attributesChanged(inode, r.post);
      return r;
    });
  }

  // --- extended attributes ------------------------------------------------------------------------------------------

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    const acl = setsAcl(args);
    const wind = (): MaybePromise<Xdata> => this.#xattrs(args.inode, acl, this.next.setxattr(call, args));
    if (this.#superUser(call)) return wind();
    return then(this.#file(call, args.inode), (file) => {
      if (acl && call.uid !== file.uid) throw failure(EPERM);
      if (!acl && call.pid >= 0 && !permits(file, call, W)) throw failure(EACCES);
      return wind();
    });
  }

  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    const acl = setsAcl(args);
    const wind = (): MaybePromise<Xdata> => this.#xattrs(args.fd.inode, acl, this.next.fsetxattr(call, args));
    return this.#withRights(call, args.fd, acl, wind);
  }

  /** Changes xattrs of an open file: ACLs for its owner only. An anonymous fd was never opened, so that nothing was checked yet. */
  #withRights(call: Call, fd: Fd, acl: boolean, wind: () => MaybePromise<Xdata>): MaybePromise<Xdata> {
    if (this.#superUser(call) || (!acl && !fd.anonymous)) return wind();
    return then(this.#file(call, fd.inode), (file) => {
      if (acl && call.uid !== file.uid) throw failure(EPERM);
      if (!acl && call.pid >= 0 && !permits(file, call, W)) throw failure(EACCES);
      return wind();
    });
  }

  #xattrs(inode: Inode, acl: boolean, reply: MaybePromise<Xdata>): MaybePromise<Xdata> {
    if (!acl) return reply;
    return then(reply, (r) => {
      this.#files.aclChanged(inode);
      return r;
    });
  }

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    if (this.#trusted(call) || isAclKey(args.name)) return this.next.getxattr(call, args);
    return then(this.#check(call, args.inode, R), () => this.next.getxattr(call, args));
  }

  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    const acl = removesAcl(args);
    const wind = (): MaybePromise<Xdata> => this.#xattrs(args.inode, acl, this.next.removexattr(call, args));
    if (this.#superUser(call)) return wind();
    return then(this.#file(call, args.inode), (file) => {
      if (acl && call.uid !== file.uid) throw failure(EPERM);
      if (call.pid >= 0 && !permits(file, call, W)) throw failure(EACCES);
      return wind();
    });
  }

  fremovexattr(call: Call, args: FremovexattrArgs): MaybePromise<Xdata> {
    const acl = removesAcl(args);
    const wind = (): MaybePromise<Xdata> => this.#xattrs(args.fd.inode, acl, this.next.fremovexattr(call, args));
    return this.#withRights(call, args.fd, acl, wind);
  }
}

/** The request with the keys by which ACLs come along in the reply. */
function withAclKeys(xdata: Dict | null): Dict {
  return copyDict(xdata).setInt(ACCESS_KEY, 0).setInt(DEFAULT_KEY, 0);
}

function openWants(flags: number): number {
  const mode = flags & O_ACCMODE;
  let want = 0;
  if (mode === O_WRONLY) want = W;
  else if (mode === O_RDWR) want = R | W;
  else if (mode === 0) want = (flags & FMODE_EXEC) !== 0 ? X : R;
  return (flags & (O_TRUNC | O_APPEND)) !== 0 ? want | W : want;
}

/** Mode and umask of a new file; old clients put both into the xdata, having applied the umask to the mode already. */
function wishedMode(args: { mode: number; umask: number } & Xdata): { mode: number; umask: number } {
  const { xdata } = args;
  const umask = xdata?.number('umask');
  if (xdata === null || umask === undefined) return args;
  xdata.delete('umask');
  const mode = xdata.number('mode');
  if (mode === undefined) return { mode: args.mode, umask };
  xdata.delete('mode');
  return { mode, umask };
}
