/**
 * The type of a fop's handler, the code between wire and translators: it resolves the request, winds the fop, and
 * shapes the reply.
 */

import type { Region } from '../../native/memory.js';
import type { Pipe } from '../../native/pipe.js';
import type { Call } from '../xlator/call.js';
import type { FopError } from '../xlator/fop-error.js';
import type { TableName } from '../xlator/fop-table.js';
import type { MaybePromise, PrePostReply, StatReply, Xdata } from '../xlator/fops.js';
import { NO_IATT } from '../xlator/iatt.js';
import type { FopRequest, FopResponse } from './codecs.js';
import type { FopContext } from './fop-context.js';

interface Handler<Req, Reply, Rsp> {
  /**
   * Resolves what the request names and winds the fop. Data that follows the arguments lies in [dataStart, dataEnd) of the
   * region, which stays valid until the result has settled.
   */
  wind(
    ctx: FopContext,
    call: Call,
    request: Req,
    region: Region,
    dataStart: number,
    dataEnd: number,
  ): MaybePromise<Reply>;
  /** Memory that serving the request may take, beyond the request itself: bytes, at most. */
  memory?(request: Req): number;
  /** A fresh wire structure (op_ret, op_errno and so on) for a reply. */
  rsp(reply: Reply, ctx: FopContext): Rsp;
  /** The contents of an error reply. */
  readonly blank: Reply;
  /** Adds to an error reply what it carries besides errno and xdata. */
  failed?(rsp: Rsp, error: FopError): void;
  /** Raw bytes that follow the structure; the connection releases the region. */
  payload?(reply: Reply): Region | Pipe | null;
  payloadLength?(reply: Reply): number;
  /** The client disconnected before the reply: undo what only it could use. */
  discard?(ctx: FopContext, call: Call, reply: Reply): void;
}

/** The handler of one fop: requests and responses are those of its codec, the reply is that of its translators. */
// biome-ignore lint/suspicious/noExplicitAny: the reply is known to nobody but the handler itself
export type FopHandler<F extends TableName, Reply = any> = Handler<FopRequest<F>, Reply, FopResponse<F>>;

// biome-ignore lint/suspicious/noExplicitAny: a handler found by a number has a request that was decoded by the same number
export type AnyFopHandler = Handler<any, any, any>;

export const EMPTY_XDATA = { xdata: null } as const;
export const BLANK_STAT = { stat: NO_IATT, xdata: null } as const;
export const BLANK_PREPOST = { pre: NO_IATT, post: NO_IATT, xdata: null } as const;

/** The structures that many replies share. Field names are the wire's (gfx_common_*_rsp). */
export const commonRsp = (r: Xdata) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata });
export const iattRsp = (r: StatReply) => ({
  op_ret: 0,
  op_errno: 0,
  xdata: r.xdata,
  stat: r.stat,
});
export const prePostRsp = (r: PrePostReply) => ({
  op_ret: 0,
  op_errno: 0,
  xdata: r.xdata,
  prestat: r.pre,
  poststat: r.post,
});
