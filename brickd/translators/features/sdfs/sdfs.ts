/**
 * features/sdfs: serializes changes of a directory entry. Each lookup and each change of a name holds an entry lock on
 * that name while it runs, in a domain of its own.
 */

import { background } from '../../../../mux/base/fault.js';
import { loggerFor } from '../../../../mux/base/log.js';
import { Call } from '../../../../mux/xlator/call.js';
import { nullOnFailure } from '../../../../mux/xlator/fop-error.js';
import type {
  CreateArgs,
  CreateReply,
  EntryReply,
  FopName,
  LinkArgs,
  LookupArgs,
  LookupReply,
  MkdirArgs,
  MknodArgs,
  ReaddirArgs,
  ReaddirReply,
  RemoveReply,
  RenameArgs,
  RenameReply,
  RmdirArgs,
  SymlinkArgs,
  UnlinkArgs,
} from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import { directoryOf, type Inode, type Loc } from '../../../../mux/xlator/inode.js';
import { Translator } from '../../../../mux/xlator/translator.js';
import type { Options } from './options.js';

const Command = { lock: 0, unlock: 1 } as const;
const LockType = { read: 0, write: 1 } as const;

/** A name in a directory; '' is the whole directory. */
interface Entry {
  inode: Inode;
  name: string;
}

export class SdfsTranslator extends Translator<Options> {
  readonly #log = loggerFor(this.name);
  /** Owners of the locks, none twice. */
  #owners = 0;

  override wants(_fop: FopName): boolean {
    return !this.options['pass-through'];
  }

  async lookup(call: Call, args: LookupArgs): Promise<LookupReply> {
    if (args.loc.parent === null || args.loc.name === '') return this.next.lookup(call, args);
    return this.#holding(call, [entryOf(args.loc)], LockType.read, () => this.next.lookup(call, args));
  }
  readdirp(call: Call, args: ReaddirArgs): Promise<ReaddirReply> {
    const whole = { inode: args.fd.inode, name: '' };
    return this.#holding(call, [whole], LockType.read, () => this.next.readdirp(call, args));
  }
  mknod(call: Call, args: MknodArgs): Promise<EntryReply> {
    return this.#changing(call, args.loc, () => this.next.mknod(call, args));
  }
  mkdir(call: Call, args: MkdirArgs): Promise<EntryReply> {
    return this.#changing(call, args.loc, () => this.next.mkdir(call, args));
  }
  create(call: Call, args: CreateArgs): Promise<CreateReply> {
    return this.#changing(call, args.loc, () => this.next.create(call, args));
  }
  symlink(call: Call, args: SymlinkArgs): Promise<EntryReply> {
    return this.#changing(call, args.loc, () => this.next.symlink(call, args));
  }
  unlink(call: Call, args: UnlinkArgs): Promise<RemoveReply> {
    return this.#changing(call, args.loc, () => this.next.unlink(call, args));
  }
  rmdir(call: Call, args: RmdirArgs): Promise<RemoveReply> {
    return this.#changing(call, args.loc, () => this.next.rmdir(call, args));
  }
  link(call: Call, args: LinkArgs): Promise<EntryReply> {
    return this.#changing(call, args.newLoc, () => this.next.link(call, args));
  }
  rename(call: Call, args: RenameArgs): Promise<RenameReply> {
    const from = entryOf(args.oldLoc);
    const to = entryOf(args.newLoc);
    // Always in the same order, lest two renames wait for each other.
    const entries = same(from, to) ? [from] : isBefore(to, from) ? [to, from] : [from, to];
    return this.#holding(call, entries, LockType.write, () => this.next.rename(call, args));
  }

  #changing<T>(call: Call, loc: Loc, run: () => T | Promise<T>): Promise<T> {
    return this.#holding(call, [entryOf(loc)], LockType.write, run);
  }

  /** Runs a fop with the entries locked; fails as the locking does. Its reply does not wait for the unlocking. */
  async #holding<T>(call: Call, entries: Entry[], type: number, run: () => T | Promise<T>): Promise<T> {
    const own = this.#ownerOf(call);
    const held: Entry[] = [];
    try {
      for (const entry of entries) {
        await this.#entrylk(own, entry, Command.lock, type);
        held.push(entry);
      }
      return await run();
    } finally {
      for (const { inode, name } of held) {
        const unlocked = this.#entrylk(own, { inode, name }, Command.unlock, type);
        background(unlocked.catch(nullOnFailure), this.#log, `unlocking ${gfidText(inode.gfid)}/${name} failed`);
      }
    }
  }

  async #entrylk(own: Call, { inode, name }: Entry, cmd: number, type: number): Promise<void> {
    await this.next.entrylk(own, { inode, domain: this.name, name, cmd, type, xdata: null });
  }

  #ownerOf(call: Call): Call {
    const own = new Call(call.client, call.fop);
    own.uid = call.uid;
    own.gid = call.gid;
    own.pid = call.pid;
    own.groups = call.groups;
    own.lkOwner = `sdfs${(this.#owners++).toString(36).padStart(8, '0')}`;
    return own;
  }
}

const entryOf = (loc: Loc): Entry => ({ inode: directoryOf(loc), name: loc.name });
/** The order in which the two entries of a rename are locked. */
const isBefore = (a: Entry, b: Entry): boolean => a.inode.key < b.inode.key || (a.inode === b.inode && a.name < b.name);
const same = (a: Entry, b: Entry): boolean => a.inode === b.inode && a.name === b.name;
