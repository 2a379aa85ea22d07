/** The protocol with the signer (bitd): its notifications, and the virtual xattrs by which it and the scrubber ask and answer. */
import { background } from '../../../../mux/base/fault.js';
import type { Logger } from '../../../../mux/base/log.js';
import { type Call, ClientPid } from '../../../../mux/xlator/call.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { failure, fopErrorOf } from '../../../../mux/xlator/fop-error.js';
import type { DictReply, FsetxattrArgs, MaybePromise, Xdata } from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import type { Inode } from '../../../../mux/xlator/inode.js';
import type { Translator } from '../../../../mux/xlator/translator.js';
import { DURABLE_OP } from '../../../../mux/xlator/xdata-keys.js';
import { EINVAL, EIO, ENODATA } from '../../../../native/errno.js';
import { copyDict } from '../../copy-dict.js';
import { brReleaseEvent, IPC_CHANGELOG } from '../changelog-events.js';
import type { ObjectState } from './object-state.js';
import type { Objects } from './objects.js';
import type { Quarantine } from './quarantine.js';
import {
  BAD_FILE,
  decodeSignRequest,
  encodeSignature,
  GET_SIGNATURE,
  Hint,
  REOPEN_HINT,
  SET_SIGNATURE,
  SIGNATURE,
  VERSION,
} from './xattr-formats.js';

const DONE: Xdata = { xdata: null };

export class Signer {
  readonly #layer: Translator;
  readonly #objects: Objects;
  readonly #quarantine: Quarantine;
  readonly #log: Logger;

  constructor(layer: Translator, objects: Objects, quarantine: Quarantine, log: Logger) {
    this.#layer = layer;
    this.#objects = objects;
    this.#quarantine = quarantine;
    this.#log = log;
  }

  /** An open file was closed: the signer is notified if it was the last one of a changed file. */
  closed(inode: Inode, object: ObjectState): void {
    const release = object.released();
    if (release === null) return;
    const event = brReleaseEvent(release.version, inode.gfid, release.sign);
    const xdata = new Dict().setBytes('RELEASE-EVENT', event);
    const told = this.#layer.brick.byItself(async (call) => {
      try {
        await this.#layer.next.ipc(call, { op: IPC_CHANGELOG, xdata });
      } catch (error) {
        // The changelog has no socket for the signer, and has logged that.
        this.#log.debug(0, `the signer is not told of ${gfidText(inode.gfid)}`, fopErrorOf(error).errno);
      }
    });
    background(told, this.#log, `${this.#layer.brick.name}: telling the signer of ${gfidText(inode.gfid)} failed`);
  }

  /** fsetxattr of a regular file; null: it is none of the daemons' keys, or not theirs to set so. */
  set(call: Call, args: FsetxattrArgs): Promise<Xdata> | null {
    const { dict } = args;
    if (dict.has(SET_SIGNATURE)) return this.#sign(call, args);
    if (dict.has(SIGNATURE) || dict.has(VERSION) || dict.has(GET_SIGNATURE)) throw failure(EINVAL);
    if (dict.has(REOPEN_HINT)) return this.#hint(args);
    if (dict.has(BAD_FILE)) return this.#markBad(call, args);
    return null;
  }

  /** Stores a signature, unless it is of an older version: the file was changed meanwhile, and will be reported again. */
  async #sign(call: Call, args: FsetxattrArgs): Promise<Xdata> {
    const { inode } = args.fd;
    const value = args.dict.bytes(SET_SIGNATURE);
    const request = value === undefined ? null : decodeSignRequest(value);
    if (call.pid !== ClientPid.bitd || request === null) throw failure(EINVAL);
    const object = await this.#objects.of(inode);
    if (object.bad) throw failure(EIO);
    if (request.version < object.version) return DONE;
    if (request.version > object.version) {
      const versions = `version ${request.version} was signed, which is not reached: it is at ${object.version}`;
      this.#log.warning(0, `${this.#layer.brick.name}: ${gfidText(inode.gfid)}: ${versions}`);
      throw failure(EINVAL);
    }
    const dict = new Dict().setBytes(SIGNATURE, request.signature);
    const xdata = copyDict(args.xdata).setInt(DURABLE_OP, 0);
    return this.#layer.next.fsetxattr(call, { fd: args.fd, dict, flags: 0, xdata });
  }

  /** The signer has the file open so that its closing is reported. */
  async #hint(args: FsetxattrArgs): Promise<Xdata> {
    const { fd } = args;
    const hint = args.dict.number(REOPEN_HINT);
    if (hint !== Hint.resign && hint !== Hint.reopen) throw failure(EINVAL);
    const object = await this.#objects.of(fd.inode);
    if (object.bad) throw failure(EIO);
    if (hint === Hint.reopen && !object.changed) await this.#objects.raise(fd.inode, fd, object);
    object.hinted();
    return DONE;
  }

  async #markBad(call: Call, args: FsetxattrArgs): Promise<Xdata> {
    const { inode } = args.fd;
    if (call.pid !== ClientPid.scrub) throw failure(EINVAL);
    const object = await this.#objects.of(inode);
    const reply = await this.#layer.next.fsetxattr(call, args);
    object.bad = true;
    await this.#quarantine.add(inode.gfid);
    return reply;
  }

  /** A file's signature. read: asks the brick for its version and signature as they are stored. */
  async signature(call: Call, inode: Inode, read: () => MaybePromise<DictReply>): Promise<DictReply> {
    const object = await this.#objects.of(inode);
    if (object.bad) throw failure(EIO);
    const { dict } = await read();
    const version = dict?.bytes(VERSION);
    const signature = dict?.bytes(SIGNATURE);
    if (signature === undefined) throw failure(ENODATA);
    if (version === undefined) throw failure(EINVAL);
    // To the scrubber any other version than the signed one is out of date; the signer leaves files alone that are being changed.
    const other = !Buffer.from(version.subarray(0, 8)).equals(signature.subarray(1, 9));
    const stale = other && (call.pid === ClientPid.scrub || object.waitsForSigner);
    const answer = encodeSignature(version, signature, stale);
    if (answer === null) throw failure(EINVAL);
    return { ret: answer.length, dict: new Dict().setBytes(GET_SIGNATURE, answer), xdata: null };
  }
}
