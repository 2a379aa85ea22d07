/**
 * The connection to quotad, the daemon that knows what a directory uses in the whole volume. All bricks of a thread share one.
 * While quotad is away (it starts again whenever quota is switched on or off anywhere) questions wait a bounded time; once it has been
 * away for longer they fail at once, until it is back.
 */
import { connect, type Socket } from 'node:net';
import { loggerFor } from '../../../../mux/base/log.js';
import {
  AGGREGATOR_PROGRAM,
  AGGREGATOR_VERSION,
  type AggregatorLookupRsp,
  AggregatorProc,
  aggregatorLookupReq,
  aggregatorLookupRsp,
} from '../../../../mux/wire/programs/aggregator.js';
import { Dict } from '../../../../mux/xlator/dict.js';
import { failure } from '../../../../mux/xlator/fop-error.js';
import { NULL_KEY } from '../../../../mux/xlator/gfid.js';
import { ENOTCONN } from '../../../../native/errno.js';
import { RpcFailure, RpcSocket } from '../../../rpc/rpc-socket.js';
import { SIZE, type TreeUsage, usageIn } from './quota-xattrs.js';

export const QUOTAD_SOCKET = '/var/run/gluster/quotad.socket';

/** How long questions wait for a quotad that is away. */
const AWAY_MS = 10_000;
/** How long it may take to answer, and to show that it answers again. */
const ANSWER_MS = 20_000;
const SILENT_ANSWER_MS = 1_000;
/** Between tries to connect, and to ask a quotad that does not reach its bricks yet. */
const RETRY_MS = 250;
/** Between lines in the log about directories that are not counted yet. */
const UNCOUNTED_LOG_MS = 60_000;
const NOT_COUNTED: TreeUsage = Object.freeze({ bytes: 0, files: 0, dirs: 0 });
const LOOKUP = {
  program: AGGREGATOR_PROGRAM,
  version: AGGREGATOR_VERSION,
  procedure: AggregatorProc.lookup,
};

export interface QuotadTimes {
  readonly awayMs: number;
  readonly answerMs: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

export class Quotad {
  readonly #path: string;
  readonly #times: QuotadTimes;
  readonly #log = loggerFor('quotad');
  #rpc: RpcSocket | null = null;
  #connecting: Promise<void> | null = null;
  #closed = false;
  /** Since when it has been out of reach; null: it is not. */
  #awaySince: number | null = null;
  /** The log knows that it is away. */
  #toldAway = false;
  #uncountedAt = Number.NEGATIVE_INFINITY;
  /** It has left a question unanswered. */
  #silent = false;

  constructor(path: string = QUOTAD_SOCKET, times: QuotadTimes = { awayMs: AWAY_MS, answerMs: ANSWER_MS }) {
    this.#path = path;
    this.#times = times;
  }

  /**
   * What a directory uses in a volume. Fails with the error that quotad has met, or with ENOTCONN if it can not be reached in time or
   * `ending` says that nobody waits any longer.
   */
  async usage(volume: string, gfidKey: string, ending: () => boolean): Promise<TreeUsage> {
    for (;;) {
      const rpc = this.#rpc ?? (await this.#connect());
      if (rpc !== null) {
        const answer = await this.#ask(rpc, volume, gfidKey);
        if (answer !== null) return answer;
      }
      const awayMs = performance.now() - (this.#awaySince ?? performance.now());
      if (awayMs >= this.#times.awayMs || this.#silent || this.#closed || ending()) throw failure(ENOTCONN);
      await pause(RETRY_MS);
    }
  }

  close(): void {
    this.#closed = true;
    this.#rpc?.socket.destroy();
    this.#rpc = null;
  }

  /** One try, which concurrent callers share. */
  async #connect(): Promise<RpcSocket | null> {
    this.#connecting ??= this.#tryToConnect().finally(() => {
      this.#connecting = null;
    });
    await this.#connecting;
    return this.#rpc;
  }

  async #tryToConnect(): Promise<void> {
    if (this.#closed) return;
    let socket: Socket;
    try {
      socket = await connected(this.#path);
    } catch (error) {
      this.#away((error as Error).message);
      return;
    }
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const rpc = new RpcSocket(
      socket,
      () => {},
      (reason) => this.#log.error(0, `quotad at ${this.#path} sends malformed RPC: ${reason}`),
    );
    this.#rpc = rpc;
    socket.on('error', (error) => this.#log.debug(0, `connection to quotad: ${error.message}`));
    socket.once('close', () => {
      if (this.#rpc === rpc) this.#rpc = null;
    });
  }

  /** Null: it is away, or does not reach its bricks: to be asked again. */
  async #ask(rpc: RpcSocket, volume: string, gfidKey: string): Promise<TreeUsage | null> {
    const xdata = new Dict().setInt(SIZE, 1).setText('volume-uuid', volume);
    const request = { gfid: gfidKey, pargfid: NULL_KEY, flags: 0, bname: '', xdata };
    let reply: AggregatorLookupRsp;
    try {
      const waitMs = this.#silent ? SILENT_ANSWER_MS : this.#times.answerMs;
      reply = await rpc.call(LOOKUP, aggregatorLookupReq, request, aggregatorLookupRsp, waitMs);
    } catch (error) {
      if (!(error instanceof RpcFailure)) throw error;
      if (rpc.open && !error.refused) this.#silent = true;
      this.#away(error.message);
      return null;
    }
    if (reply.op_ret < 0) {
      if (reply.op_errno !== ENOTCONN) {
        this.#back();
        throw failure(reply.op_errno);
      }
      this.#away('it does not reach the bricks of the volume');
      return null;
    }
    this.#back();
    const usage = usageIn(reply.xdata);
    if (usage === null) this.#uncounted(volume);
    return usage ?? NOT_COUNTED;
  }

  /** What a directory holds has not been counted yet: quota was enabled a moment ago. */
  #uncounted(volume: string): void {
    const now = performance.now();
    if (now - this.#uncountedAt < UNCOUNTED_LOG_MS) return;
    this.#uncountedAt = now;
    const what = `directories of volume ${volume} have limits and are not counted yet`;
    this.#log.warning(0, `${what}: their contents do not count until the crawl of "quota enable" reaches them`);
  }

  #away(reason: string): void {
    this.#awaySince ??= performance.now();
    if (this.#toldAway) return;
    this.#toldAway = true;
    const consequence = `fops in directories with limits wait up to ${this.#times.awayMs / 1000} s for it`;
    this.#log.warning(
      0,
      `quotad at ${this.#path} is away (${reason}): ${consequence}, then go by the last known usage, or fail`,
    );
  }

  #back(): void {
    this.#silent = false;
    this.#awaySince = null;
    if (!this.#toldAway) return;
    this.#toldAway = false;
    this.#log.info(0, `quotad at ${this.#path} answers again`);
  }
}

let shared: Quotad | null = null;
let users = 0;

/** The thread's connection; to be returned by {@link releaseQuotad}. */
export function acquireQuotad(): Quotad {
  users++;
  shared ??= new Quotad();
  return shared;
}

export function releaseQuotad(): void {
  users--;
  if (users > 0) return;
  shared?.close();
  shared = null;
}
