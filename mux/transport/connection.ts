/** A connection with a client: receives records in place, and sends the replies of a turn together. */
import { addon, type Poller } from '../../native/addon.js';
import { assert } from '../../native/assert.js';
import { EAGAIN } from '../../native/errno.js';
import { READINESS } from '../../native/layout.js';
import { Region } from '../../native/memory.js';
import type { Pipe } from '../../native/pipe.js';
import { type Collector, endOfTurn } from '../../native/turn.js';
import { contain, describeThrown } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import { type RecordQuota, RecordReader } from '../wire/record.js';
import type { XdrWriter } from '../wire/xdr.js';
import { ioBuffers, MAX_PIECES } from './io-buffers.js';

const log = loggerFor('connection');

const { readable: READABLE, writable: WRITABLE, hungUp: HUNG_UP } = READINESS;
/** Received per turn at most, so that one connection can't keep the others waiting. */
const TURN_BYTES = 4 << 20;
/** For the same reason: after this time records that have been received wait for the next turn. */
const TURN_MS = 4;
/** Unsent bytes at which reading from the client pauses: it doesn't take its replies. */
const MAX_UNSENT_BYTES = 32 << 20;
/** What is served so soon after a pause has waited for its end. */
const AFTER_PAUSE_MS = 20;
/** A record is begun in a fresh region when less than this is left. */
const MIN_ROOM = 2048;

/** A stretch of output: bytes [start, end) of a region that this queue holds a reference of, or what is left in a pipe. */
interface Piece {
  region: Region | Pipe;
  start: number;
  end: number;
  /** Memory that is kept for it. */
  held: number;
}

/** Why a connection is not read: it goes on when no reason is left. */
export const PauseReason = { outstanding: 1, queue: 2, memory: 4, unfinished: 8, unsent: 16, groups: 32 } as const;

/** Counts what connections hold in memory, and bounds it by {@link Connection.pause}. */
export interface ConnectionMemory {
  joined(connection: Connection): void;
  left(connection: Connection): void;
  /** Memory of what is to be sent. */
  take(bytes: number, connection: Connection): void;
  give(bytes: number): void;
  /** Room for unfinished records, as {@link RecordQuota} has it; refused room is given later by {@link Connection.granted}. */
  begin(connection: Connection, bytes: number): boolean;
  force(connection: Connection, bytes: number): void;
  end(connection: Connection, bytes: number): void;
}

export interface ConnectionHandler {
  /** The peer has taken all replies, after some that it had not taken for `ms` milliseconds. */
  onRepliesTaken?(ms: number): void;
  /** A whole record lies in [start, end) of the region. Retain the region to use it beyond this call. */
  onRecord(region: Region, start: number, end: number): void;
  /** The connection is over, for the reason given ('' for an orderly end). Called once. */
  onClose(reason: string): void;
}

const ALL_REASONS = Object.values(PauseReason).reduce((all: number, reason) => all | reason, 0);

const takeInput = (): Region => ioBuffers.input();

export class Connection implements Collector {
  readonly fd: number;
  /** Bytes received and sent, for status and metrics. */
  bytesIn = 0;
  bytesOut = 0;
  readonly #handler: ConnectionHandler;
  readonly #poller: Poller;
  readonly #reader: RecordReader;
  readonly #memory: ConnectionMemory | null;
  readonly #tls: boolean;
  /** TLS only: bytes may have been received that no poller tells of, because they were not all asked for. */
  #pending = false;
  #receiveScheduled = false;
  /** TLS only: some of what was sent is encrypted and waits for the socket. */
  #encryptedWaits = false;
  /** The clock when the first record of this turn was handed out; below zero: none was. */
  #turnStart = -1;
  /** The clock when it was paused, and when a pause ended that had lasted for #heldMs. */
  #pausedMs = 0;
  #resumedMs = 0;
  #heldMs = 0;
  #proceedScheduled = false;
  #events = READABLE;
  /** Bits of PauseReason. */
  #paused = 0;
  #closed = false;
  #queue: Piece[] = [];
  #unsent = 0;
  /** Since when the socket takes no more; below zero: it does. */
  #stalledMs = -1;
  /** Where the output that is not yet queued starts. */
  #outputStart = 0;
  #writer: XdrWriter | null = null;
  #flushScheduled = false;

  constructor(fd: number, handler: ConnectionHandler, maxRecordBytes: number, memory: ConnectionMemory | null = null) {
    this.fd = fd;
    this.#handler = handler;
    this.#memory = memory;
    this.#reader = new RecordReader(takeInput, maxRecordBytes, memory === null ? undefined : this.#quota(memory));
    this.#poller = addon.poll(fd, (events) => {
      try {
        this.#ready(events);
      } catch (thrown) {
        this.fault(thrown);
      }
    });
    this.#poller.set(READABLE);
    memory?.joined(this);
    this.#tls = addon.isTls(fd);
    if (this.#tls) {
      this.#encryptedWaits = addon.tlsUnsent(fd) > 0;
      this.#pending = true;
      this.#watch();
    }
  }

  #quota(memory: ConnectionMemory): RecordQuota {
    return {
      begin: (bytes) => memory.begin(this, bytes),
      force: (bytes) => memory.force(this, bytes),
      end: (bytes) => memory.end(this, bytes),
    };
  }

  get closed(): boolean {
    return this.#closed;
  }

  // --- input --------------------------------------------------------------------------------------------------------

  #ready(events: number): void {
    if (this.#closed) return;
    if ((events & WRITABLE) !== 0) this.flush();
    if (this.#closed) return;
    if (this.#blocked) {
      // It may have become readable before it was blocked, within the same turn.
      if (events < 0 || (events & HUNG_UP) !== 0) this.close('');
      return;
    }
    if (events < 0 || (events & READABLE) !== 0) this.#receive();
    this.flush();
  }

  #receive(): void {
    let budget = TURN_BYTES;
    this.#turnStart = -1;
    while (budget > 0 && !this.#closed && !this.#blocked && !this.#reader.holding) {
      const { address, room } = this.#reader.target();
      const n = addon.recv(this.fd, address, room);
      if (n === -EAGAIN) return;
      if (n <= 0) {
        this.close(n === 0 ? '' : `receive failed: ${this.#failure(n)}`);
        return;
      }
      this.bytesIn += n;
      budget -= n;
      const problem = this.#reader.received(n, this.#onRecord);
      if (problem !== null) {
        this.close(problem);
        return;
      }
      if (n < room) return;
    }
    if (this.#tls && !this.#closed) this.#pending = addon.tlsPending(this.fd);
  }

  /** What a negative result of receiving or sending means. */
  #failure(result: number): string {
    const detail = this.#tls ? addon.tlsProblem(this.fd) : '';
    return detail === '' ? `errno ${-result}` : detail;
  }

  /** In a turn of its own, so that others get theirs. */
  #scheduleReceive(): void {
    this.#receiveScheduled = true;
    setImmediate(() => {
      this.#receiveScheduled = false;
      if (this.#closed || this.#blocked) return;
      this.#pending = false;
      try {
        this.#receive();
        this.flush();
      } catch (thrown) {
        this.fault(thrown);
      }
    });
  }

  readonly #onRecord = (r: Region, start: number, end: number): void => {
    if (!this.#closed) this.#handler.onRecord(r, start, end);
  };

  /**
   * Tells the time at which a record is served: after a while others get their turn. Returns for how long it may have waited because the
   * connection was not read.
   */
  servedAt(ms: number): number {
    if (this.#turnStart < 0) this.#turnStart = ms;
    else if (ms - this.#turnStart > TURN_MS && !this.#reader.holding) {
      this.#reader.hold();
      this.#scheduleProceed();
    }
    if (this.#heldMs !== 0 && ms - this.#resumedMs > AFTER_PAUSE_MS) this.#heldMs = 0;
    return this.#heldMs;
  }

  get paused(): boolean {
    return this.#paused !== 0;
  }

  /** Stops reading from the client until {@link resume} for the same reason; records that are already received wait, too. */
  pause(reason: number = PauseReason.outstanding): void {
    assert(reason !== 0 && (reason & ~ALL_REASONS) === 0, 'a connection pauses for one of its reasons');
    if (this.#closed) return;
    if (this.#paused === 0) this.#pausedMs = performance.now();
    this.#paused |= reason;
    this.#reader.hold();
    this.#watch();
  }

  resume(reason: number = PauseReason.outstanding): void {
    if ((this.#paused & reason) === 0 || this.#closed) return;
    this.#paused &= ~reason;
    if (this.#paused !== 0) return;
    this.#resumedMs = performance.now();
    this.#heldMs = this.#resumedMs - this.#pausedMs;
    if (this.#reader.heldBytes > 0) this.#scheduleProceed();
    else this.#reader.unhold();
    this.#watch();
  }

  /** The record that waits for memory has got it. */
  granted(bytes: number): void {
    this.#reader.granted(bytes);
    this.resume(PauseReason.unfinished);
  }

  /** In a turn of its own: whoever resumes is in the middle of something. */
  #scheduleProceed(): void {
    if (this.#proceedScheduled) return;
    this.#proceedScheduled = true;
    setImmediate(this.#proceed);
  }

  readonly #proceed = (): void => {
    this.#proceedScheduled = false;
    if (this.#closed || this.#paused !== 0) return;
    this.#turnStart = -1;
    const problem = this.#reader.proceed(this.#onRecord);
    if (problem !== null) this.close(problem);
    this.flush();
  };

  /** Takes bytes that another thread had received before the connection was handed over. */
  inject(bytes: Uint8Array): void {
    this.#reader.preload(bytes);
    this.#proceed();
  }

  get #blocked(): boolean {
    return this.#paused !== 0 || this.#proceedScheduled;
  }

  #watch(): void {
    if (this.#pending && !this.#receiveScheduled && !this.#blocked && !this.#closed) this.#scheduleReceive();
    const unsent = this.#queue.length > 0 || this.#encryptedWaits;
    const events = (this.#blocked ? HUNG_UP : READABLE) | (unsent ? WRITABLE : 0);
    if (events !== this.#events && !this.#closed) {
      this.#events = events;
      this.#poller.set(events);
    }
  }

  // --- output -------------------------------------------------------------------------------------------------------

  /**
   * The writer to encode the next record with. Write the whole record (record mark included), then call {@link queued}.
   */
  writer(): XdrWriter {
    assert(!this.#closed, 'nothing is written to a closed connection');
    const w = this.#writer;
    if (w !== null && w.room >= MIN_ROOM) return w;
    if (w !== null) {
      this.#cut();
      w.region.release();
    }
    this.#outputStart = 0;
    this.#writer = ioBuffers.takeWriter();
    return this.#writer;
  }

  /** The record that was just encoded is complete, but for `length` bytes of `payload` that follow it; it is released when sent. */
  queued(payload: Region | Pipe | null, length: number): void {
    assert(!this.#closed, 'nothing is queued on a closed connection');
    if (payload !== null) {
      this.#cut();
      // A region is held whole, however little of it is sent; pages in a pipe are the page cache's.
      if (length > 0) {
        const held = payload instanceof Region ? payload.capacity : length;
        this.#push({ region: payload, start: 0, end: length, held });
      } else payload.release();
    }
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      endOfTurn.replies.add(this);
    }
  }

  /** Queues what the writer has produced since the last cut. */
  #cut(): void {
    const w = this.#writer;
    if (w === null || w.at === this.#outputStart) return;
    const length = w.at - this.#outputStart;
    this.#push({ region: w.region.retain(), start: this.#outputStart, end: w.at, held: length });
    this.#outputStart = w.at;
  }

  #push(piece: Piece): void {
    this.#queue.push(piece);
    this.#unsent += piece.end - piece.start;
    this.#memory?.take(piece.held, this);
    if (this.#unsent > MAX_UNSENT_BYTES && (this.#paused & PauseReason.unsent) === 0) this.pause(PauseReason.unsent);
  }

  /** Bytes that the client has not taken. */
  get unsent(): number {
    return this.#unsent;
  }

  endOfTurn(): void {
    this.#flushScheduled = false;
    try {
      this.flush();
    } catch (thrown) {
      this.fault(thrown);
    }
  }

  /** Sends what is queued, as far as the socket takes it. */
  flush(): void {
    if (this.#closed) return;
    this.#cut();
    if (this.#encryptedWaits && !this.#sendEncrypted()) return;
    while (this.#queue.length > 0) {
      const { pieces } = ioBuffers;
      let count = 0;
      let want = 0;
      for (const p of this.#queue) {
        if (count === MAX_PIECES) break;
        const { address } = p.region;
        pieces[2 * count] = address < 0 ? address : address + p.start;
        pieces[2 * count + 1] = p.end - p.start;
        want += p.end - p.start;
        count++;
      }
      const sent = addon.sendv(this.fd, pieces, count);
      if (sent < 0 && sent !== -EAGAIN) {
        this.close(`send failed: ${this.#failure(sent)}`);
        return;
      }
      if (sent > 0) this.#sent(sent);
      if (this.#tls) this.#encryptedWaits = addon.tlsUnsent(this.fd) > 0;
      if (sent < want) {
        if (this.#stalledMs < 0) this.#stalledMs = performance.now();
        break;
      }
    }
    if (this.#stalledMs >= 0 && this.#queue.length === 0) this.#unstalled();
    const w = this.#writer;
    if (w !== null && this.#queue.length === 0 && !w.region.shared) {
      // All is sent: whoever writes next uses the region from its start.
      this.#outputStart = 0;
      ioBuffers.giveBack(w);
      this.#writer = null;
    }
    this.#watch();
  }

  /** Goes on with what is encrypted already. False: the socket takes none, or the connection is closed. */
  #sendEncrypted(): boolean {
    const result = addon.sendv(this.fd, ioBuffers.pieces, 0);
    if (result < 0 && result !== -EAGAIN) {
      this.close(`send failed: ${this.#failure(result)}`);
      return false;
    }
    this.#encryptedWaits = addon.tlsUnsent(this.fd) > 0;
    if (this.#encryptedWaits) this.#watch();
    return !this.#encryptedWaits;
  }

  #unstalled(): void {
    const ms = performance.now() - this.#stalledMs;
    this.#stalledMs = -1;
    this.#handler.onRepliesTaken?.(ms);
  }

  /** How long its peer has not taken replies; 0: it takes them. */
  stalledFor(nowMs: number): number {
    return this.#stalledMs < 0 ? 0 : nowMs - this.#stalledMs;
  }

  #sent(bytes: number): void {
    this.bytesOut += bytes;
    this.#unsent -= bytes;
    let done = 0;
    for (const p of this.#queue) {
      const length = p.end - p.start;
      if (bytes < length) {
        p.start += bytes;
        bytes = 0;
        break;
      }
      bytes -= length;
      p.region.sent();
      this.#memory?.give(p.held);
      done++;
    }
    assert(bytes === 0, 'no more is sent than was queued');
    if (done === this.#queue.length) this.#queue.length = 0;
    else this.#queue.splice(0, done);
    assert(this.#queue.length > 0 || this.#unsent === 0, 'what is unsent is in the queue');
    if (this.#unsent <= MAX_UNSENT_BYTES) this.resume(PauseReason.unsent);
  }

  // --- end ----------------------------------------------------------------------------------------------------------

  /**
   * Stops watching and gives the descriptor away, with what was received of an unfinished record. Null if the connection is
   * over, as it is when the peer has not taken all that was sent to it: the rest of that can't be given away.
   */
  detach(): Uint8Array | null {
    this.flush();
    if (this.#queue.length > 0) this.close('replies not taken');
    if (this.#closed) return null;
    const rest = this.#reader.takePartial();
    this.#closed = true;
    this.#poller.close();
    this.#dropOutput();
    this.#memory?.left(this);
    return rest;
  }

  /** Handling this connection has thrown: what state it is in is not known, so it ends. The others go on. */
  fault(thrown: unknown): void {
    log.error(0, `a connection is closed for a fault of this program: ${describeThrown(thrown)}`);
    contain(log, 'closing the connection has failed', () => this.close('internal error'));
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    // Whatever goes wrong with what it held: its owner waits to hear of its end.
    try {
      this.#poller.close();
      this.#reader.drop();
      this.#dropOutput();
      this.#memory?.left(this);
    } finally {
      addon.closeFd(this.fd);
      this.#handler.onClose(reason);
    }
  }

  #dropOutput(): void {
    for (const p of this.#queue) {
      p.region.release();
      this.#memory?.give(p.held);
    }
    this.#queue.length = 0;
    this.#unsent = 0;
    this.#writer?.region.release();
    this.#writer = null;
  }
}
