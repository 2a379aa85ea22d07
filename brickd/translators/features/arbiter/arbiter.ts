/**
 * features/arbiter: a brick that stores names, attributes and xattrs of files, but no data. Fops that change data are
 * acknowledged without being done, so that replication counts this copy among those that know of the change; the files
 * stay empty.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type {
  FallocateArgs,
  FtruncateArgs,
  LookupArgs,
  LookupReply,
  MaybePromise,
  PrePostReply,
  RangeArgs,
  ReadArgs,
  ReadReply,
  SeekArgs,
  SeekReply,
  TruncateArgs,
  WriteArgs,
  WriteReply,
} from '../../../../mux/xlator/fops.js';
import { gfidKey } from '../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../mux/xlator/iatt.js';
import type { Fd, Inode } from '../../../../mux/xlator/inode.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator } from '../../../../mux/xlator/translator.js';
import { ACTIVE_FD_COUNT, OPEN_FD_COUNT, WRITE_IS_APPEND } from '../../../../mux/xlator/xdata-keys.js';
import { ENOSYS } from '../../../../native/errno.js';
import type { Options } from './options.js';

export class ArbiterTranslator extends Translator<Options> {
  /** Acknowledgements carry the attributes of the last lookup. */
  lookup(call: Call, args: LookupArgs): MaybePromise<LookupReply> {
    const reply = this.next.lookup(call, args);
    return then(reply, (found) => {
      const { stat } = found;
      const inode = stat.isRegular ? this.brick.findInode(gfidKey(stat.gfid)) : undefined;
      if (inode !== undefined) this.#learn(inode, stat);
      return found;
    });
  }

  override forget(inode: Inode): void {
    inode.ctx[this.slot] = undefined;
  }

  writev(call: Call, { fd, size, xdata }: WriteArgs): MaybePromise<WriteReply> {
    return then(this.#ofFd(call, fd), (stat) => ({
      count: size,
      pre: stat,
      post: stat,
      xdata: xdata === null ? null : answer(fd.inode, xdata),
    }));
  }
  truncate(call: Call, { inode }: TruncateArgs): MaybePromise<PrePostReply> {
    const known = this.#known(inode);
    if (known !== undefined) return unchanged(known);
    return then(this.next.stat(call, { inode, xdata: null }), ({ stat }) => unchanged(this.#learn(inode, stat)));
  }
  ftruncate(call: Call, { fd }: FtruncateArgs): MaybePromise<PrePostReply> {
    return then(this.#ofFd(call, fd), unchanged);
  }
  fallocate(call: Call, { fd }: FallocateArgs): MaybePromise<PrePostReply> {
    return then(this.#ofFd(call, fd), unchanged);
  }
  discard(call: Call, { fd }: RangeArgs): MaybePromise<PrePostReply> {
    return then(this.#ofFd(call, fd), unchanged);
  }
  zerofill(call: Call, { fd }: RangeArgs): MaybePromise<PrePostReply> {
    return then(this.#ofFd(call, fd), unchanged);
  }

  /** Replication reads from the other copies; nobody may take this one for an empty file. */
  readv(_call: Call, _args: ReadArgs): MaybePromise<ReadReply> {
    throw failure(ENOSYS);
  }
  seek(_call: Call, _args: SeekArgs): MaybePromise<SeekReply> {
    throw failure(ENOSYS);
  }

  #known(inode: Inode): Iatt | undefined {
    return inode.ctx[this.slot] as Iatt | undefined;
  }
  #learn(inode: Inode, stat: Iatt): Iatt {
    inode.ctx[this.slot] = stat;
    return stat;
  }
  /** A file that no lookup has shown, as one just made, is asked once. */
  #ofFd(call: Call, fd: Fd): MaybePromise<Iatt> {
    return (
      this.#known(fd.inode) ??
      then(this.next.fstat(call, { fd, xdata: null }), ({ stat }) => this.#learn(fd.inode, stat))
    );
  }
}

const unchanged = (stat: Iatt): PrePostReply => ({ pre: stat, post: stat, xdata: null });

/** What a write's request asks to be told. */
function answer(inode: Inode, xdata: Dict): Dict | null {
  const dict = new Dict();
  if (xdata.has(OPEN_FD_COUNT)) dict.setUint(OPEN_FD_COUNT, inode.fdCount);
  if (xdata.has(ACTIVE_FD_COUNT)) dict.setUint(ACTIVE_FD_COUNT, inode.fdCount);
  // To say otherwise would have replication sync the other copies: it can't tell there that they were only appended to.
  if (xdata.has(WRITE_IS_APPEND)) dict.setUint(WRITE_IS_APPEND, 1);
  return dict.map.size === 0 ? null : dict;
}
