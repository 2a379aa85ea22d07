/**
 * The part of features/marker that notes for geo-replication when files, and what is below directories, have changed (`xtime`), and
 * has the mark of the volume, which gsyncd reads and resets by an xattr.
 */

import { type Logger, loggerFor } from '../../../../../mux/base/log.js';
import { type Call, ClientPid } from '../../../../../mux/xlator/call.js';
import { Dict } from '../../../../../mux/xlator/dict.js';
import { failure } from '../../../../../mux/xlator/fop-error.js';
import type {
  DictReply,
  FopName,
  FsetxattrArgs,
  GetxattrArgs,
  MaybePromise,
  SetxattrArgs,
  Xdata,
} from '../../../../../mux/xlator/fops.js';
import { parseGfid } from '../../../../../mux/xlator/gfid.js';
import {
  below,
  type FopArgs,
  type FopMethod,
  type FopReplies,
  fopsIn,
  intercept,
} from '../../../../../mux/xlator/intercept.js';
import { type DumpSection, Translator, type TranslatorInit } from '../../../../../mux/xlator/translator.js';
import { latin1OfArray } from '../../../../../native/bytes.js';
import { EINVAL, EPERM, errnoName } from '../../../../../native/errno.js';
import type { Options } from '../options.js';
import { type ChangingFop, changes } from './changes.js';
import { Marks } from './marks.js';
import { VolumeMark } from './volume-mark.js';

export const VOLUME_MARK = 'trusted.glusterfs.volume-mark';
const RESET = 'RESET';

/** What there is while it is on. */
interface Index {
  readonly marks: Marks;
  readonly volume: VolumeMark;
  readonly key: string;
}

export class ChangeTimes extends Translator<Options> {
  readonly #log: Logger;
  #index: Index | null = null;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
  }

  override async init(): Promise<void> {
    this.#index = this.#indexFor(this.options);
  }

  override async reconfigure(options: Options): Promise<void> {
    const before = this.#index;
    this.#index = this.#indexFor(options);
    this.options = options;
    if (before !== null && before.marks !== this.#index?.marks) await before.marks.flush();
  }

  override async fini(): Promise<void> {
    await this.#index?.marks.flush();
  }

  #indexFor(options: Options): Index | null {
    if (!options.xtime) return null;
    const uuid = options['volume-uuid'];
    const file = options['timestamp-file'];
    if (uuid === undefined) throw new Error('option xtime is on and needs volume-uuid, which is not set');
    const volume = parseGfid(uuid);
    if (volume === null) throw new Error(`option volume-uuid: "${uuid}" is no uuid`);
    if (file === undefined) throw new Error('option xtime is on and needs timestamp-file, which is not set');
    const key = `trusted.glusterfs.${uuid}.xtime`;
    const mark = new VolumeMark(volume, file, this.#log);
    if (this.#index?.key === key) return { marks: this.#index.marks, volume: mark, key };
    const marks = new Marks(this, this.#log, key, (errno) => this.#holed(errno));
    return { marks, volume: mark, key };
  }

  async #holed(errno: number): Promise<void> {
    const text =
      `marks of changes are missing (${errnoName(errno)}): the content of geo-replication's secondaries is to be ` +
      'checked, and indexing switched off and on again';
    if (this.#log.critical !== undefined) this.#log.critical(0, text);
    else this.#log.error(0, text);
    await this.#index?.volume.remove();
  }

  override wants(fop: FopName): boolean {
    if (this.options.xtime) return true;
    // The command is refused to others while any part of the translator is on.
    return this.options.quota && (fop === 'setxattr' || fop === 'fsetxattr');
  }

  /** A fop has changed something. What it returns is to be waited for, if anything. */
  changed<N extends ChangingFop>(fop: N, call: Call, args: FopArgs[N], reply: FopReplies[N]): Promise<void> | null {
    const { pid } = call;
    if (this.#index === null || pid === ClientPid.defrag) return null;
    if (pid === ClientPid.gsyncd && !this.options['gsync-force-xtime']) return null;
    const { marks } = this.#index;
    changes[fop](this.brick, args, reply, (inode, parent) => marks.add(inode, parent));
    return marks.full;
  }

  getxattr(call: Call, args: GetxattrArgs): MaybePromise<DictReply> {
    if (args.name !== VOLUME_MARK || call.pid !== ClientPid.gsyncd || this.#index === null) {
      return this.next.getxattr(call, args);
    }
    const told = this.#index.volume.read();
    return told.then((mark) => ({ ret: 0, dict: new Dict().setBytes(VOLUME_MARK, mark), xdata: null }));
  }

  setxattr(call: Call, args: SetxattrArgs): MaybePromise<Xdata> {
    return this.#resetVolumeMark(call, args.dict) ?? marking(this, 'setxattr', call, args);
  }
  fsetxattr(call: Call, args: FsetxattrArgs): MaybePromise<Xdata> {
    return this.#resetVolumeMark(call, args.dict) ?? marking(this, 'fsetxattr', call, args);
  }

  /** The reply to a command that resets the volume's mark; null if it is not one. */
  #resetVolumeMark(call: Call, dict: Dict): Promise<Xdata> | null {
    const value = dict.get(VOLUME_MARK);
    if (value === undefined) return null;
    if (call.pid !== ClientPid.gsyncd) throw failure(EPERM);
    const bytes = dict.bytes(VOLUME_MARK);
    const given = bytes === undefined ? undefined : latin1OfArray(bytes);
    if (given !== '' && given !== RESET) throw failure(EINVAL);
    const reset = this.#index?.volume.reset() ?? Promise.resolve();
    return reset.then(() => ({ xdata: null }));
  }

  override dump(): DumpSection[] {
    if (this.#index === null) return [];
    const { waiting, written, failed } = this.#index.marks;
    return [
      {
        title: `features/marker.${this.name}.xtime`,
        lines: [`waiting=${waiting}`, `written=${written}`, `failed=${failed}`],
      },
    ];
  }
}

/** Winds a fop and has what it changes marked. */
function marking<N extends ChangingFop>(
  times: ChangeTimes,
  fop: N,
  call: Call,
  args: FopArgs[N],
): MaybePromise<FopReplies[N]> {
  const done = (reply: FopReplies[N]): MaybePromise<FopReplies[N]> => {
    const full = times.changed(fop, call, args, reply);
    return full === null ? reply : full.then(() => reply);
  };
  const reply = below(times, fop)(call, args);
  return reply instanceof Promise ? reply.then(done) : done(reply);
}

const marked = fopsIn(changes).filter((fop) => fop !== 'setxattr' && fop !== 'fsetxattr');
intercept(ChangeTimes, marked, <N extends ChangingFop>(fop: N): FopMethod<ChangeTimes, N> => {
  return function (call, args) {
    return marking(this, fop, call, args);
  };
});
