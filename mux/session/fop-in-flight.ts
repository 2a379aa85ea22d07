/**
 * One request of a client, from its record to its reply:
 *
 *   begin ── start ──┬── reply ──┬── end      its translators have answered at once, or by a promise
 *    │    ↑          └── fail ───┘
 *    │    └ proceed                           it has waited: for the groups of its user, in a tenant's queue, or for both
 *    └ hold ──────────── drop                 its client went meanwhile
 *
 * The objects are reused: what a fop needs besides its Call and its arguments is created once for many fops. Assertions check that
 * none is used after its end, or ended twice.
 */
import { assert } from '../../native/assert.js';
import { region as newRegion, type Region } from '../../native/memory.js';
import type { Pipe } from '../../native/pipe.js';
import { describeThrown } from '../base/fault.js';
import type { Brick } from '../brick/brick.js';
import type { ClientState } from '../brick/client.js';
import type { ListedFop } from '../brick/in-flight.js';
import type { InodeTable } from '../brick/inode-table.js';
import type { FopContext } from '../fops/fop-context.js';
import type { ServedFop } from '../fops/handlers.js';
import type { FopSource, SchedulableFop } from '../qos/scheduling.js';
import type { TenantFop } from '../qos/tenant.js';
import type { Connection } from '../transport/connection.js';
import type { CallDecoder } from '../wire/call-decoder.js';
import { AcceptStat } from '../wire/rpc.js';
import { Call, winding } from '../xlator/call.js';
import { errnoOf, FopError } from '../xlator/fop-error.js';
import type { FopEntry } from '../xlator/fop-table.js';
import type { Waited } from '../xlator/waits.js';
import { credentialsOf } from './credentials.js';
import { slowReport } from './slow-report.js';

/** Memory of a fop in progress, at least: its objects and the buffers of its batch. */
const FOP_BYTES = 8 << 10;
/** Bytes of memory per byte of arguments: what a decoded dictionary of small values takes. */
const DECODED_FACTOR = 4;
/** What a waiting fop counts for, besides its data. */
const HELD_OVERHEAD_BYTES = 512;
/** What a fop needs of its session. */
/** Of a client's fops, those whose number has none of these bits are samples of the files that it works on. */
const SAMPLED = 15;

export interface FopOwner extends FopContext, FopSource {
  readonly brick: Brick;
  readonly table: InodeTable;
  readonly client: ClientState;
  readonly connection: Connection;
  /** The client has disconnected: no reply can be sent. */
  readonly closed: boolean;
  /** A fop of the session has started, or ended; lock requests are not counted. */
  fopStarted(): void;
  fopEnded(): void;
}

/** States, as bits: {@link FopInFlight.become} is told those that the new one may follow. */
const FREE = 1;
const ARRIVED = 2;
const WAITING = 4;
const RUNNING = 8;
const ANSWERED = 16;

/** Value of all references of a free fop, which nobody reads. */
const NOTHING = null as never;

export class FopInFlight implements SchedulableFop, ListedFop {
  readonly #recycle: (fop: FopInFlight) => void;
  #state = FREE;
  session: FopOwner = NOTHING;
  served: ServedFop = NOTHING;
  call: Call = NOTHING;
  request: unknown = null;
  /** The number that the client gave it. */
  xid = 0;
  /** When it arrived, by performance.now. */
  cameMs = 0;
  /** How long its connection had not been read when it came. */
  heldMs = 0;
  slowNumber = 0;
  errno = 0;
  #recordBytes = 0;
  /** Data that follows the arguments (of a write) is in [#dataStart, #dataEnd) of the region. */
  #region: Region = NOTHING;
  #dataStart = 0;
  #dataEnd = 0;
  /** The region stays until this fop has ended. */
  #keepsData = false;
  /** Counted among the fops of its session. */
  #counted = false;
  /** False: the groups of its user have to be looked up. */
  groupsKnown = true;
  listedAt = -1;
  /** Its state in the QoS scheduler; null: its brick has none. */
  queued: TenantFop | null = null;

  /** recycle: gets it back when it has ended. */
  constructor(recycle: (fop: FopInFlight) => void) {
    this.#recycle = recycle;
  }

  /** A call that the decoder has open has come in [recordStart, recordEnd) of the region; its arguments are decoded. */
  begin(
    session: FopOwner,
    served: ServedFop,
    { header, reader }: CallDecoder,
    request: unknown,
    region: Region,
    recordStart: number,
    recordEnd: number,
  ): void {
    const call = new Call(session.client, served.entry.number);
    this.groupsKnown = credentialsOf(header, session.client, session.brick.rules, call);
    this.#become(ARRIVED, FREE);
    this.session = session;
    this.served = served;
    this.call = call;
    this.request = request;
    this.xid = header.xid;
    this.cameMs = performance.now();
    this.#recordBytes = recordEnd - recordStart;
    this.#region = region;
    this.#dataStart = reader.at;
    this.#dataEnd = recordEnd;
    session.brick.inFlight.started();
  }

  #become(state: number, after: number): void {
    assert((this.#state & after) !== 0, 'a fop arrives, may wait, runs, is answered, in that order');
    this.#state = state;
  }

  get source(): FopSource {
    return this.session;
  }
  get entry(): FopEntry {
    return this.served.entry;
  }
  get caller(): Call {
    return this.call;
  }

  // --- waiting ------------------------------------------------------------------------------------------------------

  /** It has to wait: for the groups of its user, or in a tenant's queue. */
  waits(): void {
    this.#become(WAITING, ARRIVED | WAITING);
    this.session.brick.inFlight.list(this);
  }

  /** Keeps its data beyond the turn in which it arrived. A small piece is copied, so that it does not keep a large region alive. */
  keep(): void {
    if (this.entry.payload !== 'request' || this.#keepsData) return;
    this.#keepsData = true;
    const length = this.#dataEnd - this.#dataStart;
    if (length * 4 >= this.#region.capacity) {
      this.#region.retain();
      return;
    }
    const own = newRegion(length);
    this.#region.bytes.copy(own.bytes, 0, this.#dataStart, this.#dataEnd);
    this.#region = own;
    this.#dataStart = 0;
    this.#dataEnd = length;
  }

  /** Bytes of data in the request. */
  get dataBytes(): number {
    return this.entry.payload === 'request' ? this.#dataEnd - this.#dataStart : 0;
  }

  get heldBytes(): number {
    return HELD_OVERHEAD_BYTES + this.dataBytes;
  }

  /** Charges memory to its client until it ends. */
  charge(bytes: number): void {
    this.call.charge(bytes);
  }

  /** Charges the memory that it holds to its client until it is answered. Lock requests, which may wait for ever, have limits of their own. */
  chargeItself(): void {
    const held = this.entry.payload === 'request' ? this.#region.capacity : DECODED_FACTOR * this.#recordBytes;
    this.call.charge(FOP_BYTES + held + (this.served.handler.memory?.(this.request) ?? 0));
  }

  proceed(queued: object | null): void {
    assert(queued === this.queued, 'a fop proceeds by the queue that holds it');
    const { session } = this;
    try {
      this.queued?.scheduler.leaves(this.queued);
      this.start();
    } catch (thrown) {
      this.#fault(session, thrown);
    }
  }

  drop(queued: object | null): void {
    assert(queued === this.queued && this.#state === WAITING, 'a fop is dropped by the queue that holds it');
    this.#end(false);
  }

  /** Answered, or about to be recycled: its time is over. */
  get answered(): boolean {
    return this.#state === ANSWERED;
  }

  report(nowMs: number): ReturnType<typeof slowReport> {
    return slowReport(this, nowMs, this.#ownWaits(nowMs));
  }

  /** Where it has waited, or waits, before it goes down. */
  #ownWaits(nowMs: number): Waited[] {
    const { queued } = this;
    const waits: Waited[] = [{ place: 'connection', detail: '', ms: this.heldMs }];
    const waiting = this.#state === WAITING;
    if (queued !== null) {
      const ms = waiting ? nowMs - this.cameMs : queued.waitedNs / 1e6;
      waits.push({ place: 'qos', detail: queued.tenant.rule.name, ms });
    } else if (waiting) waits.push({ place: 'groups', detail: '', ms: nowMs - this.cameMs });
    return waits;
  }

  // --- in progress ----------------------------------------------------------------------------------------------------

  /** Winds it through the stack. */
  start(): void {
    this.#become(RUNNING, ARRIVED | WAITING);
    const { session, call, entry } = this;
    session.brick.inFlight.unlist(this);
    if (!entry.isLock) {
      this.#counted = true;
      session.fopStarted();
    }
    let result: unknown;
    try {
      winding.call = call;
      result = this.served.handler.wind(session, call, this.request, this.#region, this.#dataStart, this.#dataEnd);
      winding.call = null;
    } catch (thrown) {
      winding.call = null;
      this.fail(thrown);
      return;
    }
    if (!(result instanceof Promise)) {
      this.reply(result);
      return;
    }
    // Data to write stays where it is until the fop has settled.
    if (entry.payload === 'request' && !this.#keepsData) {
      this.#keepsData = true;
      this.#region.retain();
    }
    // A fop that was queued has been charged already.
    if (this.#counted && call.charged === 0) this.chargeItself();
    session.brick.inFlight.list(this);
    result.then(this.#onReply, this.#onError);
  }

  readonly #onReply = (reply: unknown): void => this.reply(reply);
  readonly #onError = (thrown: unknown): void => this.fail(thrown);

  /** Sends the reply of its translators, and ends. Never throws: it runs as a promise callback that nobody catches. */
  reply(reply: unknown): void {
    this.#become(ANSWERED, RUNNING);
    const { session, queued } = this;
    const { handler, entry } = this.served;
    try {
      if (session.closed) handler.discard?.(session, this.call, reply);
      else {
        const rsp = handler.rsp(reply, session);
        const length = handler.payloadLength?.(reply) ?? 0;
        if (queued !== null && entry.payload === 'response') queued.served = length;
        this.#send(rsp, handler.payload?.(reply) ?? null, length);
      }
    } catch (thrown) {
      this.#unanswerable(thrown);
    }
    this.#end(true);
  }

  /** Sends an error reply, and ends. Never throws. */
  fail(thrown: unknown): void {
    // Arrived or waiting: the scheduler threw.
    this.#become(ANSWERED, ARRIVED | WAITING | RUNNING);
    try {
      this.#refuse(thrown);
    } catch (fault) {
      this.#unanswerable(fault);
    }
    this.#end(true);
  }

  #refuse(thrown: unknown): void {
    const { session, queued } = this;
    const { handler, entry } = this.served;
    if (queued !== null) queued.served = 0;
    if (!(thrown instanceof FopError)) {
      session.brick.log.error(115000, `${entry.display}: unexpected failure: ${describeThrown(thrown)}`);
      session.brick.checkInvariant(entry.display, thrown);
    }
    const errno = errnoOf(thrown);
    this.errno = errno;
    session.brick.traffic.failed(entry, this.call, errno);
    if (session.closed) return;
    const rsp = handler.rsp(handler.blank, session);
    rsp.op_ret = -1;
    rsp.op_errno = errno;
    if (thrown instanceof FopError) {
      if (thrown.xdata !== null) rsp.xdata = thrown.xdata;
      handler.failed?.(rsp, thrown);
    }
    this.#send(rsp, null, 0);
  }

  #send(rsp: unknown, payload: Region | Pipe | null, length: number): void {
    const { connection, brick } = this.session;
    const w = connection.writer();
    const recordStart = w.at;
    w.beginReply(this.xid);
    try {
      this.served.codec.response.encode(w, rsp);
    } catch (thrown) {
      w.truncate(recordStart);
      payload?.release();
      throw thrown;
    }
    w.endRecord(length);
    brick.traffic.bytesRead += length;
    connection.queued(payload, length);
  }

  /** The reply cannot be encoded, or not be undone. That is a bug, but the client must not wait forever. */
  #unanswerable(thrown: unknown): void {
    const { session, xid } = this;
    const { entry } = this.served;
    try {
      session.brick.log.error(115000, `${entry.display}: cannot encode the reply: ${describeThrown(thrown)}`);
      session.brick.checkInvariant(entry.display, thrown);
      if (session.closed) return;
      session.connection.writer().reply(xid, AcceptStat.systemErr);
      session.connection.queued(null, 0);
    } catch (fault) {
      this.#fault(session, fault);
    }
  }

  /** Releases all that it held: the object is reused from here on. ran: the fop was wound. */
  #end(ran: boolean): void {
    const { session, call, queued, served } = this;
    const { brick } = session;
    try {
      brick.inFlight.unlist(this);
      if (this.#keepsData) this.#region.release();
      if (ran) {
        queued?.scheduler.ended(queued);
        const nowMs = performance.now();
        brick.traffic.ended(served.entry.number, nowMs - this.cameMs);
        if ((session.client.fops & SAMPLED) === 0) session.client.files.note(call.subject);
        if (nowMs - this.cameMs + this.heldMs >= brick.slow.thresholdMs) brick.slow.ended(this, nowMs);
      }
      call.end(brick.releaseFd);
    } catch (thrown) {
      this.#fault(session, thrown);
    }
    try {
      brick.inFlight.ended();
      if (this.#counted) session.fopEnded();
    } catch (thrown) {
      this.#fault(session, thrown);
    }
    this.#become(FREE, ANSWERED | WAITING);
    this.session = NOTHING;
    this.served = NOTHING;
    this.call = NOTHING;
    this.request = null;
    this.#region = NOTHING;
    this.#keepsData = false;
    this.#counted = false;
    this.slowNumber = 0;
    this.errno = 0;
    this.queued = null;
    this.#recycle(this);
  }

  /** A fault outside of the fop itself closes the client's connection; a broken invariant takes the brick out of service. */
  #fault(session: FopOwner, thrown: unknown): void {
    const served: ServedFop | null = this.served;
    session.brick.checkInvariant(served?.entry.display ?? 'a fop', thrown);
    session.connection.fault(thrown);
  }
}
