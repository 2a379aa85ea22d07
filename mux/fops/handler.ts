/** The border between the wire and the translators, per fop: request → arguments and down the stack; reply → wire structure. */
import type { Region } from '../../native/memory.js';
import type { Pipe } from '../../native/pipe.js';
import type { Session } from '../session/session.js';
import type { Call } from '../xlator/call.js';
import type { FopError } from '../xlator/fop-error.js';
import type { MaybePromise } from '../xlator/fops.js';
import { type Iatt, NO_IATT } from '../xlator/iatt.js';

// biome-ignore lint/suspicious/noExplicitAny: the table of borders holds every type; each border names its own
export interface Border<Req = any, Reply = any, Rsp = any> {
  /**
   * Resolves what the request names and sends it down. Data that follows the arguments lies in [dataStart, dataEnd) of the
   * region, which stays valid until the result has settled.
   */
  wind(s: Session, call: Call, request: Req, region: Region, dataStart: number, dataEnd: number): MaybePromise<Reply>;
  /** Memory that serving the request may take, beyond the request itself: bytes, at most. */
  memory?(request: Req): number;
  /** A fresh wire structure (op_ret, op_errno and so on) for a reply. */
  rsp(reply: Reply, s: Session): Rsp;
  /** What a failing reply is filled with. */
  readonly blank: Reply;
  /** What a failing reply carries beyond errno and xdata. */
  failed?(rsp: Rsp, error: FopError): void;
  /** Raw bytes that follow the structure; the connection releases the region. */
  payload?(reply: Reply): Region | Pipe | null;
  payloadLength?(reply: Reply): number;
  /** The client has gone before the reply: undo what only it could use. */
  discard?(s: Session, call: Call, reply: Reply): void;
}

export const EMPTY_XDATA = { xdata: null } as const;
export const BLANK_STAT = { stat: NO_IATT, xdata: null } as const;
export const BLANK_PREPOST = { pre: NO_IATT, post: NO_IATT, xdata: null } as const;

/** The structures that many replies share. Field names are the wire's (gfx_common_*_rsp). */
export const commonRsp = (r: { xdata: unknown }) => ({ op_ret: 0, op_errno: 0, xdata: r.xdata });
export const iattRsp = (r: { stat: Iatt; xdata: unknown }) => ({
  op_ret: 0,
  op_errno: 0,
  xdata: r.xdata,
  stat: r.stat,
});
export const prePostRsp = (r: { pre: Iatt; post: Iatt; xdata: unknown }) => ({
  op_ret: 0,
  op_errno: 0,
  xdata: r.xdata,
  prestat: r.pre,
  poststat: r.post,
});
