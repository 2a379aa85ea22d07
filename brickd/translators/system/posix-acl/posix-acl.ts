/**
 * system/posix-acl (features/access-control in volfiles): checks permissions by mode and POSIX ACLs, for all callers
 * but the super-user and Gluster's internal clients; and applies what new files inherit from their directory, for all.
 */
import type { Call } from '../../../../mux/xlator/call.js';
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
import { type Iatt, SetAttr } from '../../../../mux/xlator/iatt.js';
import { directoryOf, type Fd, type Inode, type Loc } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { EACCES, EINVAL, EPERM } from '../../../../native/errno.js';
import { Permission, parseAcl, permits } from './acl.js';
import { isAclKey, removesAcl, setsAcl, withAclKeys } from './acl-requests.js';
import { type FileContext, FileContexts } from './file-context.js';
import { inheritFrom } from './new-file.js';
import type { Options } from './options.js';
import { openWants, PermissionChecks } from './permission-checks.js';

const { execute: X, write: W, read: R } = Permission;

/** The pid that Gluster's own NFS server gives to all its calls. */
const NFS_PID = 1;

export class PosixAclTranslator extends Translator<Options> {
  readonly #files: FileContexts;
  readonly #checks: PermissionChecks;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#files = new FileContexts(init.brick, init.slot);
    this.#checks = new PermissionChecks(this, this.#files, init.options['super-uid']);
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    this.#checks.superUid = options['super-uid'];
  }

  override forget(inode: Inode): void {
    this.#files.forget(inode);
  }

  // --- looking ------------------------------------------------------------------------------------------------------

  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    if (this.#checks.trusted(call)) return this.next.lookup(call, args);
    const { parent } = args.loc;
    if (parent === null) return this.#lookup(call, args);
    return then(this.#checks.check(call, parent, X), () => this.#lookup(call, args));
  }

  #lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const mark = this.#files.mark;
    return then(this.next.lookup(call, { ...args, xdata: withAclKeys(args.xdata) }), (reply) => {
      this.#files.learn(reply.stat, reply.xdata, mark);
      return reply;
    });
  }

  opendir(call: Call, args: OpendirArgs): MaybePromise<Xdata> {
    if (this.#checks.trusted(call)) return this.next.opendir(call, args);
    return then(this.#checks.check(call, args.inode, R), () => this.next.opendir(call, args));
  }

  readdir(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    if (this.#checks.trusted(call)) return this.next.readdir(call, args);
    return then(this.#checks.check(call, args.fd.inode, R), () => this.next.readdir(call, args));
  }

  readdirp(call: Call, args: ReaddirArgs): MaybePromise<ReaddirReply> {
    if (this.#checks.trusted(call)) return this.next.readdirp(call, args);
    return then(this.#checks.check(call, args.fd.inode, R), () => {
      const mark = this.#files.mark;
      return then(this.next.readdirp(call, { ...args, xdata: withAclKeys(args.xdata) }), (reply) => {
        for (const entry of reply.entries) {
          if (entry.dict !== null) this.#files.learn(entry.stat, entry.dict, mark);
        }
        return reply;
      });
    });
  }

  /** Answered here: storage/posix would ask the kernel, as root. */
  access(call: Call, args: AccessArgs): MaybePromise<AccessReply> {
    const want = args.mask & (R | W | X);
    if (args.mask === 0) return { errno: 0, xdata: null };
    if (call.pid === NFS_PID) {
      if (want === 0 || this.#checks.trusted(call)) return { errno: want, xdata: null };
      return then(this.#checks.file(call, args.inode), (file) => {
        let granted = 0;
        for (const bit of [R, W, X]) if ((want & bit) !== 0 && permits(file, call, bit)) granted |= bit;
        return { errno: granted, xdata: null };
      });
    }
    if (want === 0) throw failure(EINVAL);
    if (this.#checks.trusted(call)) return { errno: 0, xdata: null };
    return then(this.#checks.check(call, args.inode, want), () => ({ errno: 0, xdata: null }));
  }

  // --- data ---------------------------------------------------------------------------------------------------------

  open(call: Call, args: OpenArgs): MaybePromise<Xdata> {
    if (this.#checks.trusted(call)) return this.next.open(call, args);
    return then(this.#checks.check(call, args.inode, openWants(args.flags)), () => this.next.open(call, args));
  }

  truncate(call: Call, args: TruncateArgs): MaybePromise<PrePostReply> {
    if (this.#checks.trusted(call)) return this.next.truncate(call, args);
    return then(this.#checks.file(call, args.inode), (file) => {
      // NFS cuts files that their owner has open with SETATTR: no write permission is needed for it.
      const allowed = permits(file, call, W) || (call.pid === NFS_PID && call.uid === file.uid);
      if (!allowed) throw failure(EACCES);
      return this.next.truncate(call, args);
    });
  }

  // --- entries ------------------------------------------------------------------------------------------------------

  /** Checks that an entry may be made in `loc`; gives what the directory passes on. */
  #directory(call: Call, loc: Loc): MaybePromise<FileContext> {
    return then(this.#checks.file(call, directoryOf(loc)), (directory) => {
      if (!this.#checks.trusted(call) && !permits(directory, call, W | X)) throw failure(EACCES);
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
      const inherited = inheritFrom(parent.default, args, directory);
      const mark = this.#files.mark;
      const reply = wind(inherited.args);
      if (this.#checks.trusted(call)) return reply;
      return then(reply, (r) => {
        if (!isNew()) return r;
        const { uid, gid, mode } = r.stat;
        this.#files.put(r.stat, { uid, gid, mode, access: inherited.access, default: inherited.default }, mark);
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
    if (this.#checks.trusted(call)) return this.#make(call, args, false, (a) => this.next.create(call, a));
    let existed = false;
    // What exists is opened, for those who may open it.
    const admit = (stat: Iatt, acl: Uint8Array | null): void => {
      const { uid, gid, mode } = stat;
      existed = true;
      const file = { uid, gid, mode, access: acl === null ? null : parseAcl(acl) };
      if (!permits(file, call, openWants(args.flags))) throw failure(EACCES);
      args.admit?.(stat, acl);
    };
    const wind = (a: CreateArgs): MaybePromise<CreateReply> => this.next.create(call, { ...a, admit });
    return this.#make(call, args, false, wind, () => !existed);
  }

  symlink(call: Call, args: SymlinkArgs): MaybePromise<EntryReply> {
    if (this.#checks.trusted(call)) return this.next.symlink(call, args);
    return then(this.#checks.check(call, directoryOf(args.loc), W | X), () => this.next.symlink(call, args));
  }

  unlink(call: Call, args: UnlinkArgs): MaybePromise<RemoveReply> {
    if (this.#checks.trusted(call)) return this.next.unlink(call, args);
    return then(this.#checks.checkRemoval(call, args.loc), () => this.next.unlink(call, args));
  }

  rmdir(call: Call, args: RmdirArgs): MaybePromise<RemoveReply> {
    if (this.#checks.trusted(call)) return this.next.rmdir(call, args);
    return then(this.#checks.checkRemoval(call, args.loc), () => this.next.rmdir(call, args));
  }

  rename(call: Call, args: RenameArgs): MaybePromise<RenameReply> {
    if (this.#checks.trusted(call)) return this.next.rename(call, args);
    return this.#rename(call, args);
  }

  async #rename(call: Call, args: RenameArgs): Promise<RenameReply> {
    const { oldLoc, newLoc } = args;
    await this.#checks.check(call, directoryOf(oldLoc), W);
    await this.#checks.check(call, directoryOf(newLoc), W);
    await this.#checks.checkSticky(call, directoryOf(oldLoc), oldLoc.inode);
    if (newLoc.inode !== null) await this.#checks.checkSticky(call, directoryOf(newLoc), newLoc.inode);
    return this.next.rename(call, args);
  }

  link(call: Call, args: LinkArgs): MaybePromise<EntryReply> {
    if (this.#checks.trusted(call)) return this.next.link(call, args);
    const parent = directoryOf(args.newLoc);
    return then(this.#checks.check(call, parent, W), () =>
      then(this.#checks.checkSticky(call, parent, args.inode), () => this.next.link(call, args)),
    );
  }

  namelink(call: Call, args: NamelinkArgs): MaybePromise<RemoveReply> {
    if (this.#checks.trusted(call)) return this.next.namelink(call, args);
    return then(this.#checks.check(call, directoryOf(args.loc), W | X), () => this.next.namelink(call, args));
  }

  // --- attributes ---------------------------------------------------------------------------------------------------

  setattr(call: Call, args: SetattrArgs): MaybePromise<PrePostReply> {
    const { inode } = args;
    if (this.#checks.superUser(call)) return this.#attributes(inode, args.valid, this.next.setattr(call, args));
    return then(this.#checks.file(call, inode), (file) => {
      const changed = this.#checks.checkSetattr(call, file, args);
      return this.#attributes(inode, args.valid, this.next.setattr(call, changed));
    });
  }

  /** What is open to be read or written is not the caller's for that. */
  fsetattr(call: Call, args: FsetattrArgs): MaybePromise<PrePostReply> {
    const { inode } = args.fd;
    if (this.#checks.superUser(call)) return this.#attributes(inode, args.valid, this.next.fsetattr(call, args));
    return then(this.#checks.file(call, inode), (file) => {
      const changed = this.#checks.checkSetattr(call, file, args);
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
    if (this.#checks.superUser(call)) return wind();
    return then(this.#checks.file(call, args.inode), (file) => {
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
    if (this.#checks.superUser(call) || (!acl && !fd.anonymous)) return wind();
    return then(this.#checks.file(call, fd.inode), (file) => {
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
    if (this.#checks.trusted(call) || isAclKey(args.name)) return this.next.getxattr(call, args);
    return then(this.#checks.check(call, args.inode, R), () => this.next.getxattr(call, args));
  }

  removexattr(call: Call, args: RemovexattrArgs): MaybePromise<Xdata> {
    const acl = removesAcl(args);
    const wind = (): MaybePromise<Xdata> => this.#xattrs(args.inode, acl, this.next.removexattr(call, args));
    if (this.#checks.superUser(call)) return wind();
    return then(this.#checks.file(call, args.inode), (file) => {
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
