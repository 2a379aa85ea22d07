/**
 * features/cdc: compression on the wire. Clients of the volume compress the data of writes, and the brick that of
 * reads, where that makes it smaller; a flag in xdata says so. Files on disk are not compressed.
 */
import { type Logger, loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import type { MaybePromise, ReadArgs, ReadReply, WriteArgs, WriteReply } from '../../../../mux/xlator/fops.js';
import { gfidText } from '../../../../mux/xlator/gfid.js';
import { then } from '../../../../mux/xlator/maybe-promise.js';
import { Translator, type TranslatorInit } from '../../../../mux/xlator/translator.js';
import { EIO } from '../../../../native/errno.js';
import { Region, region } from '../../../../native/memory.js';
import { copyDict } from '../../copy-dict.js';
import { dump } from './dump.js';
import type { Options } from './options.js';
import { type Compression, compress, decompress, lengthOf, PayloadError } from './payload.js';

/** In xdata: the payload is compressed. */
const DEFLATED = 'deflate';
/** What a payload may be made of, at most. Gluster's clients write a mebibyte at a time. */
const MAX_INFLATED = 64 << 20;

const DEFAULTS: Compression = { level: -1, memLevel: 8, windowBits: 15 };

export class CdcTranslator extends Translator<Options> {
  readonly #log: Logger;
  readonly #how: Compression;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#log = loggerFor(init.name);
    const { options } = init;
    this.#how = {
      level: this.#within('compression-level', options['compression-level'], 1, 9, DEFAULTS.level),
      memLevel: this.#within('mem-level', options['mem-level'], 1, 9, DEFAULTS.memLevel),
      windowBits: this.#within('window-size', -options['window-size'], 8, 15, DEFAULTS.windowBits),
    };
  }

  /** Of the option's value; what zlib does not take is replaced by the default, as in glusterfsd. */
  #within(option: string, value: number, least: number, most: number, otherwise: number): number {
    if (value === otherwise || (value >= least && value <= most)) return value;
    this.#log.warning(
      0,
      `${this.brick.name}: option ${option}: ${Math.abs(value)} is out of range, the default is used`,
    );
    return otherwise;
  }

  override async init(): Promise<void> {
    const { mode, debug } = this.options;
    if (mode !== 'server')
      throw new Error(
        `brick ${this.brick.name}: option mode of ${this.name} is ${mode ?? 'missing'}, a brick needs 'server'`,
      );
    if (debug) this.#log.info(0, `${this.brick.name}: the last payload that is read is left in /tmp`);
  }

  readv(call: Call, args: ReadArgs): MaybePromise<ReadReply> {
    // Heals, rebalance and bit-rot detection read below the layer that decompresses, or have none.
    if (call.pid < 0) return this.next.readv(call, args);
    return then(this.next.readv(call, { ...args, inMemory: true }), (reply) => {
      const { region: held, count } = reply;
      if (!(held instanceof Region) || count === 0 || count < this.options['min-size']) return reply;
      return this.#compressed(reply, held);
    });
  }

  async #compressed(reply: ReadReply, held: Region): Promise<ReadReply> {
    let payload: Uint8Array | null;
    try {
      payload = await compress(held.bytes.subarray(0, reply.count), this.#how);
    } catch (error) {
      held.release();
      throw error;
    }
    if (payload === null) return reply;
    if (this.options.debug)
      await dump(payload).catch((error: Error) => this.#log.warning(0, `${this.brick.name}: ${error.message}`));
    // No larger than what it was made of.
    held.bytes.set(payload);
    return { ...reply, count: payload.length, xdata: copyDict(reply.xdata).setInt(DEFLATED, 1) };
  }

  writev(call: Call, args: WriteArgs): MaybePromise<WriteReply> {
    return args.xdata?.has(DEFLATED) === true ? this.#inflated(call, args) : this.next.writev(call, args);
  }

  async #inflated(call: Call, args: WriteArgs): Promise<WriteReply> {
    const data = await this.#inflate(call, args);
    const into = region(data.length);
    into.bytes.set(data);
    const xdata = copyDict(args.xdata);
    xdata.delete(DEFLATED);
    try {
      return await this.next.writev(call, { ...args, size: data.length, region: into, start: 0, xdata });
    } finally {
      into.release();
    }
  }

  /** EIO for a damaged payload: it is never written. */
  async #inflate(call: Call, args: WriteArgs): Promise<Uint8Array> {
    const payload = args.region.bytes.subarray(args.start, args.start + args.size);
    try {
      const length = lengthOf(payload);
      if (length > MAX_INFLATED) throw new PayloadError(`of ${length} bytes is larger than ${MAX_INFLATED}`);
      call.charge(2 * length);
      return await decompress(payload);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      const file = gfidText(args.fd.inode.gfid);
      this.#log.error(0, `${this.brick.name}: ${file}: a compressed write of ${call.client.peer} ${error.message}`);
      throw failure(EIO);
    }
  }
}
