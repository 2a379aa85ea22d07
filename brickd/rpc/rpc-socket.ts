/**
 * One local RPC connection (to glusterd, quotad, a consumer of journals), in both directions: calls from here, and
 * calls from the peer.
 */
import type { Socket } from 'node:net';
import { RecordReader } from '../../mux/wire/record.js';
import { AcceptStat, CallHeader, isCall, parseCall, parseReply, ReplyHeader, RpcRejected } from '../../mux/wire/rpc.js';
import type { Struct } from '../../mux/wire/schema.js';
import { XdrError, XdrReader } from '../../mux/wire/xdr.js';
import { type Region, region } from '../../native/memory.js';
import { callRecord, type Procedure, rejectionRecord } from './rpc-records.js';

/** A call without a result: the connection was lost, the time ran out, or the peer refused it. */
export class RpcFailure extends Error {
  /** The peer replied, but refused the call. */
  readonly refused: boolean;

  constructor(message: string, refused = false) {
    super(message);
    this.refused = refused;
  }
}

/** Longest record taken, in bytes; a brick's management messages are far smaller. */
const MAX_RECORD_BYTES = 32 << 20;
const RECEIVE_BYTES = 64 << 10;

/** What all local connections of this thread receive into, one chunk at a time. */
let received: Region | null = null;

function receiveRegion(): Region {
  received ??= region(RECEIVE_BYTES);
  return received;
}

interface Pending {
  decode: (r: XdrReader) => unknown;
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Handles a call of the peer. The reader is valid during the call only. */
export type CallHandler = (call: CallHeader, args: XdrReader, socket: RpcSocket) => void;

export class RpcSocket {
  readonly socket: Socket;
  /** Why the stream was closed, for the log; '' while it is good. */
  fault = '';
  readonly #records = new RecordReader(receiveRegion, MAX_RECORD_BYTES);
  readonly #pending = new Map<number, Pending>();
  readonly #onCall: CallHandler;
  #xid = 0;

  /** onFault: malformed RPC was received, and the connection is being closed. */
  constructor(socket: Socket, onCall: CallHandler, onFault: (reason: string) => void) {
    this.socket = socket;
    this.#onCall = onCall;
    socket.on('data', (chunk: Buffer) => {
      try {
        this.#received(chunk);
      } catch (error) {
        this.fault = error instanceof XdrError ? error.reason : (error as Error).message;
        socket.destroy();
        onFault(this.fault);
      }
    });
    socket.once('close', () => {
      this.#records.drop();
      this.#failAll();
    });
  }

  get open(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  send(record: Buffer): void {
    if (this.open) this.socket.write(record);
  }

  /** Calls a procedure of the peer. Rejects with an RpcFailure. timeoutMs bounds the wait for the answer. */
  call<Q, A>(to: Procedure, request: Struct<Q>, message: Q, reply: Struct<A>, timeoutMs: number): Promise<A> {
    if (!this.open) return Promise.reject(new RpcFailure('not connected'));
    this.#xid = (this.#xid + 1) >>> 0;
    const xid = this.#xid;
    return new Promise<A>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(xid);
        reject(new RpcFailure(`no answer within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      const decode = (r: XdrReader): A => reply.decode(r);
      this.#pending.set(xid, { decode, resolve: resolve as (result: unknown) => void, reject, timer });
      this.socket.write(callRecord(xid, to, (w) => request.encode(w, message)));
    });
  }

  #received(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const { region: memory, start, room } = this.#records.target();
      const count = chunk.copy(memory.bytes, start, at, at + room);
      at += count;
      // A message may be kept, but the memory is reused for the next one.
      const problem = this.#records.received(count, (from, begin, end) => {
        if (!this.socket.destroyed) this.#message(Buffer.from(from.bytes.subarray(begin, end)));
      });
      if (problem !== null) throw new RangeError(problem);
    }
  }

  #message(record: Buffer): void {
    const r = new XdrReader().reset(record, 0, record.length);
    if (!isCall(r)) {
      this.#reply(r);
      return;
    }
    const call = new CallHeader();
    try {
      parseCall(r, call);
    } catch (error) {
      if (!(error instanceof RpcRejected)) throw error;
      this.send(rejectionRecord(error));
      return;
    }
    this.#onCall(call, r, this);
  }

  #reply(r: XdrReader): void {
    const header = new ReplyHeader();
    parseReply(r, header);
    const pending = this.#pending.get(header.xid);
    if (pending === undefined) return;
    this.#pending.delete(header.xid);
    clearTimeout(pending.timer);
    if (!header.accepted || header.stat !== AcceptStat.success) {
      const how = header.accepted ? `accept status ${header.stat}` : `denied, ${header.stat}`;
      pending.reject(new RpcFailure(`the call was refused (${how})`, true));
      return;
    }
    try {
      pending.resolve(pending.decode(r));
    } catch (error) {
      pending.reject(new RpcFailure(`undecodable answer: ${error instanceof XdrError ? error.reason : String(error)}`));
    }
  }

  #failAll(): void {
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new RpcFailure('the connection was lost'));
    }
    this.#pending.clear();
  }
}
