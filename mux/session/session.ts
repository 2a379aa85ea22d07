/**
 * One connection of a client after its handshake, on the thread of its brick: takes records apart, sends each fop down
 * the stack and its reply back. Replies leave in whatever order they get ready.
 */

import type { Region } from '../../native/memory.js';
import type { Pipe } from '../../native/pipe.js';
import { contain, describeThrown } from '../base/fault.js';
import type { Brick } from '../brick/brick.js';
import type { BrickSession } from '../brick/brick-session.js';
import type { ClientIdentity, ClientState } from '../brick/client.js';
import type { InodeTable } from '../brick/inode-table.js';
import { codecOf } from '../fops/codecs.js';
import type { FopContext } from '../fops/fop-context.js';
import type { AnyFopHandler } from '../fops/handler.js';
import { servedFop } from '../fops/handlers.js';
import type { BrickQos } from '../qos/brick-qos.js';
import { Ask } from '../qos/queue.js';
import type { FopSource } from '../qos/scheduling.js';
import { serveBasicProgram } from '../transport/basic-programs.js';
import { Connection, type ConnectionHandler, PauseReason } from '../transport/connection.js';
import { AcceptStat, CallHeader, parseCall, RpcRejected } from '../wire/rpc.js';
import { XdrError, XdrReader, type XdrWriter } from '../wire/xdr.js';
import { Call } from '../xlator/call.js';
import { errnoOf, FopError } from '../xlator/fop-error.js';
import { FOP_PROGRAM, FOP_VERSION, type FopEntry } from '../xlator/fop-table.js';
import type { Fops } from '../xlator/fops.js';
import { applyFoundGroups, credentialsOf, lookUpGroups } from './credentials.js';
import { HeldFops } from './held-fops.js';

/** Record bytes that a client may send at once: the largest write (1 MiB by default, more by option) and its header. */
export const MAX_RECORD_BYTES = 128 << 20;

/** Unsent bytes beyond which messages that the client has not asked for are no longer queued. */
const MAX_UNTAKEN_BYTES = 32 << 20;
/** What a fop under way takes at least, in objects and buffers of its batch. */
const FOP_BYTES = 8 << 10;
/** Bytes of memory per byte of arguments: what a decoded dictionary of small values takes. */
const DECODED_FACTOR = 4;

const header = new CallHeader();
const reader = new XdrReader();

/**
 * Binds a new connection to its client process. The descriptor is the session's once there is one; when this rejects, it still is
 * the caller's.
 */
export function openSession(brick: Brick, identity: ClientIdentity, fd: number): Promise<Session> {
  return brick.join(identity, (client) => new Session(brick, client, fd));
}

export class Session implements ConnectionHandler, BrickSession, FopContext, FopSource {
  readonly brick: Brick;
  readonly client: ClientState;
  readonly connection: Connection;
  /** Fops of this connection under way, lock requests (which may wait for long) not counted. */
  #outstanding = 0;
  /** Not read any further, because so many are under way. */
  #atLimit = false;
  #closed = false;
  /** Fops that wait for the groups of their users; null: none does. */
  #held: HeldFops | null = null;

  constructor(brick: Brick, client: ClientState, fd: number) {
    this.brick = brick;
    this.client = client;
    this.connection = new Connection(fd, this, MAX_RECORD_BYTES, client.memory);
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  onRecord(region: Region, start: number, end: number): void {
    try {
      reader.reset(region.bytes, start, end);
      parseCall(reader, header);
    } catch (error) {
      if (error instanceof RpcRejected) {
        this.#reply((w) => error.encode(w));
        return;
      }
      this.connection.close(
        `malformed RPC header (${error instanceof XdrError ? 'truncated' : describeThrown(error)})`,
      );
      return;
    }
    if (header.program === FOP_PROGRAM && header.version === FOP_VERSION) this.#fop(region, start, end);
    else serveBasicProgram(header, reader, this.connection);
  }

  /** Sends a message that no request asked for. A client that takes none of them is cut off: its caches are stale by then. */
  callback(encode: (w: XdrWriter) => void): void {
    if (this.connection.unsent > MAX_UNTAKEN_BYTES) {
      this.connection.close('does not take what is sent to it');
      return;
    }
    this.#reply(encode);
  }

  get top(): Fops {
    return this.brick.top;
  }
  get table(): InodeTable {
    return this.brick.table;
  }

  #reply(encode: (w: XdrWriter) => void): void {
    if (this.#closed) return;
    const w = this.connection.writer();
    const start = w.at;
    try {
      encode(w);
    } catch (thrown) {
      w.truncate(start);
      throw thrown;
    }
    this.connection.queued(null, 0);
  }

  #refuse(xid: number, stat: number): void {
    this.#reply((w) => w.reply(xid, stat));
  }

  #fop(region: Region, recordStart: number, end: number): void {
    const xid = header.xid;
    const number = header.procedure;
    const served = servedFop(number);
    if (served === undefined) {
      this.#refuse(xid, AcceptStat.procUnavail);
      return;
    }
    const { entry: fop, codec, handler } = served;
    let request: unknown;
    try {
      request = codec.request.decode(reader);
    } catch (error) {
      this.brick.log.error(115000, `${fop.display}: undecodable arguments from ${this.client.uid}: ${reasonOf(error)}`);
      this.#refuse(xid, AcceptStat.garbageArgs);
      return;
    }
    const started = performance.now();
    this.connection.servedAt(started);
    const call = new Call(this.client, number);
    call.recordBytes = end - recordStart;
    const known = credentialsOf(header, this.client, this.brick, call);
    const { brick } = this;
    brick.callStarted();
    brick.hits[number] = brick.hits[number]! + 1;
    this.client.fops++;
    if (fop.payload === 'request') brick.bytesWritten += end - reader.at;
    if (!known || this.#held?.blocks(request) === true) {
      this.#hold(new Ask(this, xid, fop, handler, call, request, region, reader.at, end, started), !known);
      return;
    }
    if (brick.qos === null) {
      this.#wind(xid, fop, handler, call, request, region, reader.at, end, started, null);
      return;
    }
    this.#schedule(new Ask(this, xid, fop, handler, call, request, region, reader.at, end, started), brick.qos);
  }

  #schedule(ask: Ask, qos: BrickQos): void {
    const { xid, fop, call, cameMs } = ask;
    const handler = ask.handler as AnyFopHandler;
    let enters: boolean;
    try {
      enters = qos.enter(ask);
    } catch (thrown) {
      this.#failed(xid, fop, handler, call, thrown, null);
      this.#done(call, false, cameMs, null);
      return;
    }
    if (enters) this.#wind(xid, fop, handler, call, ask.request, ask.region, ask.start, ask.end, cameMs, ask);
    else this.brick.awaits(call, xid, cameMs);
  }

  /** Keeps a fop until the groups of its user are known, or until one before it for the same fd has gone down. */
  #hold(ask: Ask, unknown: boolean): void {
    const { call } = ask;
    const held = (this.#held ??= new HeldFops());
    held.hold(ask, unknown);
    this.#charge(ask.fop, ask.handler as AnyFopHandler, call, ask.request, ask.region);
    this.brick.awaits(call, ask.xid, ask.cameMs);
    if (held.full) this.connection.pause(PauseReason.groups);
    if (!unknown) return;
    lookUpGroups(call, () => {
      try {
        this.#groupsKnown(call.uid);
      } catch (thrown) {
        this.connection.fault(thrown);
      }
    });
  }

  #groupsKnown(uid: number): void {
    const held = this.#held;
    if (held === null) return;
    const ready = held.known(uid);
    if (held.count === 0) this.#held = null;
    for (const ask of ready) {
      if (this.#closed) {
        this.#drop(ask);
        ask.letGo();
        continue;
      }
      const { xid, fop, call, request, region, start, end, cameMs } = ask;
      const handler = ask.handler as AnyFopHandler;
      applyFoundGroups(call);
      this.brick.pending.delete(call);
      const { qos } = this.brick;
      if (qos === null) this.#wind(xid, fop, handler, call, request, region, start, end, cameMs, null);
      else this.#schedule(ask, qos);
      // What held it until now; whoever still needs its data holds it as well.
      if (fop.payload === 'request') region.release();
    }
    if (!held.full) this.connection.resume(PauseReason.groups);
  }

  /**
   * A fop that has waited in a tenant's queue goes down, and after it those that were kept behind it. Never throws: the scheduler
   * has others to serve.
   */
  proceed(ask: Ask): void {
    const { xid, fop, call, request, region, start, end, cameMs, followers } = ask;
    const handler = ask.handler as AnyFopHandler;
    try {
      ask.qos.leaves(ask);
      this.brick.pending.delete(call);
      this.#wind(xid, fop, handler, call, request, region, start, end, cameMs, ask);
      ask.letGo();
    } catch (thrown) {
      this.connection.fault(thrown);
    }
    if (followers !== null) for (const follower of followers) this.proceed(follower);
  }

  /** What waits in tenants' queues has reached its bound, or is well below it again. */
  setQueueFull(full: boolean): void {
    if (full) this.connection.pause(PauseReason.queue);
    else this.connection.resume(PauseReason.queue);
  }

  /** Sends a decoded fop down the stack. started: the clock when it came. ask: its way through the tenants' queues. */
  #wind(
    xid: number,
    fop: FopEntry,
    handler: AnyFopHandler,
    call: Call,
    request: unknown,
    region: Region,
    start: number,
    end: number,
    started: number,
    ask: Ask | null,
  ): void {
    const counted = !fop.isLock;
    if (counted && ++this.#outstanding >= this.brick.outstandingLimit && !this.#atLimit) this.#setAtLimit(true);
    let result: unknown;
    try {
      result = handler.wind(this, call, request, region, start, end);
    } catch (error) {
      this.#failed(xid, fop, handler, call, error, ask);
      this.#done(call, counted, started, ask);
      return;
    }
    if (result instanceof Promise) {
      // The request's bytes (data to write) stay where they are until the fop has settled.
      if (fop.payload === 'request') region.retain();
      // One that was held is charged already.
      if (counted && call.charged === 0) this.#charge(fop, handler, call, request, region);
      this.brick.awaits(call, xid, started);
      const settle = (reply: unknown, failed: boolean): void => {
        try {
          if (failed) this.#failed(xid, fop, handler, call, reply, ask);
          else this.#succeeded(xid, fop, handler, call, reply, ask);
        } catch (thrown) {
          this.connection.fault(thrown);
        }
        if (fop.payload === 'request') region.release();
        this.brick.pending.delete(call);
        this.#done(call, counted, started, ask);
      };
      result.then(
        (reply: unknown) => settle(reply, false),
        (error: unknown) => settle(error, true),
      );
      return;
    }
    try {
      this.#succeeded(xid, fop, handler, call, result, ask);
    } finally {
      this.#done(call, counted, started, ask);
    }
  }

  /** Charges the client with what a fop holds until it is answered. Lock requests, which may wait for ever, have bounds of their own. */
  #charge(fop: FopEntry, handler: AnyFopHandler, call: Call, request: unknown, region: Region): void {
    const held = fop.payload === 'request' ? region.capacity : DECODED_FACTOR * call.recordBytes;
    call.charge(FOP_BYTES + held + (handler.memory?.(request) ?? 0));
  }

  #succeeded(xid: number, fop: FopEntry, handler: AnyFopHandler, call: Call, reply: unknown, ask: Ask | null): void {
    if (this.#closed) {
      handler.discard?.(this, call, reply);
      return;
    }
    try {
      const rsp = handler.rsp(reply, this);
      const length = handler.payloadLength?.(reply) ?? 0;
      if (ask !== null && fop.payload === 'response') ask.served = length;
      this.#send(xid, fop, rsp, handler.payload?.(reply) ?? null, length);
    } catch (error) {
      this.#unencodable(xid, fop, error);
    }
  }

  /** A reply that can't be encoded is a bug: the client must not wait for ever. */
  #unencodable(xid: number, fop: FopEntry, thrown: unknown): void {
    this.brick.log.error(115000, `${fop.display}: can't encode the reply: ${describeThrown(thrown)}`);
    this.#refuse(xid, AcceptStat.systemErr);
  }

  #failed(xid: number, fop: FopEntry, handler: AnyFopHandler, call: Call, thrown: unknown, ask: Ask | null): void {
    if (ask !== null) ask.served = 0;
    if (!(thrown instanceof FopError)) {
      this.brick.log.error(115000, `${fop.display}: unexpected failure: ${describeThrown(thrown)}`);
    }
    const errno = errnoOf(thrown);
    this.brick.fopFailed(fop, call, errno);
    if (this.#closed) return;
    try {
      const rsp = handler.rsp(handler.blank, this) as { op_ret: number; op_errno: number; xdata: unknown };
      rsp.op_ret = -1;
      rsp.op_errno = errno;
      if (thrown instanceof FopError) {
        if (thrown.xdata !== null) rsp.xdata = thrown.xdata;
        handler.failed?.(rsp, thrown);
      }
      this.#send(xid, fop, rsp, null, 0);
    } catch (error) {
      this.#unencodable(xid, fop, error);
    }
  }

  #send(xid: number, fop: FopEntry, rsp: unknown, payload: Region | Pipe | null, length: number): void {
    const w = this.connection.writer();
    const recordStart = w.at;
    w.beginReply(xid);
    try {
      codecOf(fop.name).response.encode(w, rsp);
    } catch (error) {
      w.truncate(recordStart);
      payload?.release();
      throw error;
    }
    w.endRecord(length);
    this.brick.bytesRead += length;
    this.connection.queued(payload, length);
  }

  /** started: the clock when the fop came, in milliseconds. Never throws: it is called where nobody would catch it. */
  #done(call: Call, counted: boolean, started: number, ask: Ask | null): void {
    try {
      if (ask !== null) ask.qos.ended(ask);
      this.brick.book.took(call.fop, performance.now() - started);
      call.end(this.brick.releaseFd);
    } catch (thrown) {
      this.connection.fault(thrown);
    }
    this.brick.callEnded();
    if (counted && --this.#outstanding < this.brick.outstandingLimit && this.#atLimit) this.#setAtLimit(false);
  }

  /** The brick has another bound for the fops of a connection. */
  outstandingLimitChanged(): void {
    const atLimit = this.#outstanding >= this.brick.outstandingLimit;
    if (atLimit !== this.#atLimit) this.#setAtLimit(atLimit);
  }

  #setAtLimit(atLimit: boolean): void {
    this.#atLimit = atLimit;
    if (atLimit) this.connection.pause();
    else this.connection.resume();
  }

  /** The end of a fop that never went down. */
  #drop(ask: Ask): void {
    this.brick.pending.delete(ask.call);
    ask.call.end(this.brick.releaseFd);
    this.brick.callEnded();
  }

  onClose(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    contain(this.brick.log, 'dropping what waited for a client has failed', () => {
      this.brick.qos?.drop(this, (ask) => this.#drop(ask));
      for (const ask of this.#held?.takeAll() ?? []) {
        this.#drop(ask);
        ask.letGo();
      }
    });
    this.#held = null;
    this.brick.sessionClosed(this, reason);
  }
}

/** Why bytes could not be decoded. */
const reasonOf = (thrown: unknown): string => (thrown instanceof XdrError ? thrown.reason : describeThrown(thrown));
