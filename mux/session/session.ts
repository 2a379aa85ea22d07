/**
 * One connection of a client after its handshake, on the worker of its brick: decodes requests and starts their fops.
 * Replies are sent in the order in which they are ready.
 */

import { assert } from '../../native/assert.js';
import type { Region } from '../../native/memory.js';
import { contain, describeThrown } from '../base/fault.js';
import type { Brick } from '../brick/brick.js';
import type { BrickSession } from '../brick/brick-session.js';
import type { ClientIdentity, ClientState } from '../brick/client.js';
import type { InodeTable } from '../brick/inode-table.js';
import { type ServedFop, servedFop } from '../fops/handlers.js';
import type { BrickQos } from '../qos/brick-qos.js';
import { serveBasicProgram } from '../transport/basic-programs.js';
import { Connection, type ConnectionHandler, PauseReason } from '../transport/connection.js';
import { CallDecoder } from '../wire/call-decoder.js';
import { AcceptStat, RpcRejected } from '../wire/rpc.js';
import { XdrError, type XdrWriter } from '../wire/xdr.js';
import { FOP_PROGRAM, FOP_VERSION } from '../xlator/fop-table.js';
import type { Fops } from '../xlator/fops.js';
import { applyFoundGroups, lookUpGroups } from './credentials.js';
import type { FopInFlight, FopOwner } from './fop-in-flight.js';
import { FopPool } from './fop-pool.js';
import { HeldFops } from './held-fops.js';

/** Longest record that is accepted: the largest write (1 MiB by default, more by option) and its header. */
export const MAX_RECORD_BYTES = 128 << 20;

/** Unsent bytes above which callbacks are no longer queued. */
const MAX_UNTAKEN_BYTES = 32 << 20;

/** Shared by the sessions of this thread. */
const decoder = new CallDecoder();
const fops = new FopPool();

/**
 * Binds a new connection to its client process. The session owns the descriptor; if this rejects, it is still
 * the caller's.
 */
export function openSession(brick: Brick, identity: ClientIdentity, fd: number): Promise<Session> {
  return brick.clients.join(identity, (client) => new Session(brick, client, fd));
}

export class Session implements ConnectionHandler, BrickSession, FopOwner {
  readonly brick: Brick;
  readonly client: ClientState;
  readonly connection: Connection;
  /** Fops of this connection in progress, lock requests (which may wait for long) not counted. */
  #outstanding = 0;
  /** Reading is paused because too many of them are in progress. */
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
  get closed(): boolean {
    return this.#closed || this.connection.closed;
  }
  get top(): Fops {
    return this.brick.top;
  }
  get table(): InodeTable {
    return this.brick.table;
  }

  // --- from the record to its fop -----------------------------------------------------------------------------------

  onRecord(region: Region, start: number, end: number): void {
    decoder.open(region.bytes, start, end);
    let fop: FopInFlight | null;
    try {
      fop = this.#decode(region, start, end);
    } finally {
      decoder.close();
    }
    if (fop !== null) this.#admit(fop);
  }

  /** Decodes the fop of the current record. Null: it is not a fop, and was answered already. */
  #decode(region: Region, start: number, end: number): FopInFlight | null {
    const { header, reader } = decoder;
    try {
      decoder.parseHeader();
    } catch (error) {
      this.#undecodable(error);
      return null;
    }
    if (header.program !== FOP_PROGRAM || header.version !== FOP_VERSION) {
      serveBasicProgram(header, reader, this.connection);
      return null;
    }
    const { xid, procedure } = header;
    const served = servedFop(procedure);
    if (served === undefined) {
      this.#refuse(xid, AcceptStat.procUnavail);
      return null;
    }
    let request: unknown;
    try {
      request = served.codec.request.decode(reader);
    } catch (error) {
      const what = `${served.entry.display}: undecodable arguments from ${this.client.uid}`;
      this.brick.log.error(115000, `${what}: ${reasonOf(error)}`);
      this.#refuse(xid, AcceptStat.garbageArgs);
      return null;
    }
    const fop = fops.take();
    fop.begin(this, served, decoder, request, region, start, end);
    this.#count(fop, served);
    return fop;
  }

  #count(fop: FopInFlight, { entry }: ServedFop): void {
    const { traffic } = this.brick;
    fop.heldMs = this.connection.servedAt(fop.cameMs);
    this.client.fops++;
    traffic.arrived(entry.number);
    if (entry.payload === 'request') traffic.bytesWritten += fop.dataBytes;
  }

  #undecodable(error: unknown): void {
    if (error instanceof RpcRejected) {
      this.#reply((w) => error.encode(w));
      return;
    }
    this.connection.close(`malformed RPC header (${error instanceof XdrError ? 'truncated' : describeThrown(error)})`);
  }

  /** Starts a fop, or queues it. */
  #admit(fop: FopInFlight): void {
    const { qos } = this.brick;
    if (!fop.groupsKnown || this.#held?.blocks(fop.request) === true) this.#hold(fop);
    else if (qos !== null) this.#schedule(fop, qos);
    else fop.start();
  }

  #schedule(fop: FopInFlight, qos: BrickQos): void {
    try {
      fop.queued = qos.enter(fop);
    } catch (thrown) {
      fop.fail(thrown);
      return;
    }
    if (fop.queued.flow === null) fop.start();
    else fop.waits();
  }

  // --- fops that wait for the groups of their users -----------------------------------------------------------------

  /** Holds a fop until the groups of its user are known, or until an earlier one on the same fd was wound. */
  #hold(fop: FopInFlight): void {
    const held = (this.#held ??= new HeldFops());
    held.hold(fop);
    if (held.full) this.connection.pause(PauseReason.groups);
    if (fop.groupsKnown) return;
    const { uid } = fop.call;
    lookUpGroups(fop.call, () => {
      try {
        this.#groupsKnown(uid);
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
    for (const fop of ready) {
      if (this.#closed) {
        fop.drop(null);
        continue;
      }
      applyFoundGroups(fop.call);
      const { qos } = this.brick;
      if (qos === null) fop.start();
      else this.#schedule(fop, qos);
    }
    if (!held.full) this.connection.resume(PauseReason.groups);
  }

  // --- bounds -------------------------------------------------------------------------------------------------------

  fopStarted(): void {
    if (++this.#outstanding >= this.brick.outstandingLimit && !this.#atLimit) this.#setAtLimit(true);
  }

  fopEnded(): void {
    assert(this.#outstanding > 0, 'no more fops of a connection end than have started');
    if (--this.#outstanding < this.brick.outstandingLimit && this.#atLimit) this.#setAtLimit(false);
  }

  /** The brick's limit of fops per connection has changed. */
  outstandingLimitChanged(): void {
    const atLimit = this.#outstanding >= this.brick.outstandingLimit;
    if (atLimit !== this.#atLimit) this.#setAtLimit(atLimit);
  }

  #setAtLimit(atLimit: boolean): void {
    this.#atLimit = atLimit;
    if (atLimit) this.connection.pause();
    else this.connection.resume();
  }

  /** The queue crossed its high or low watermark. */
  setQueueFull(full: boolean): void {
    if (full) this.connection.pause(PauseReason.queue);
    else this.connection.resume(PauseReason.queue);
  }

  // --- messages -----------------------------------------------------------------------------------------------------

  /** Sends a message that no request asked for. A client that does not read them is disconnected: its caches are stale by then. */
  callback(encode: (w: XdrWriter) => void): void {
    if (this.connection.unsent > MAX_UNTAKEN_BYTES) {
      this.connection.close('does not take what is sent to it');
      return;
    }
    this.#reply(encode);
  }

  #reply(encode: (w: XdrWriter) => void): void {
    if (this.closed) return;
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

  /** The client had not taken replies: who waited for them waited for itself. */
  onRepliesTaken(ms: number): void {
    const { slow } = this.brick;
    if (ms < slow.thresholdMs) return;
    const { uid, processName, peer } = this.client;
    const nowMs = performance.now();
    slow.note(
      {
        atMs: performance.timeOrigin + nowMs - ms,
        fop: 'replies',
        path: '',
        client: uid,
        clientName: processName,
        peer,
        pid: 0,
        uid: 0,
        offset: -1,
        size: -1,
        ms,
        underWay: false,
        errno: 0,
        waits: [{ place: 'replies', detail: '', ms }],
      },
      nowMs,
    );
  }

  // --- disconnect --------------------------------------------------------------------------------------------------

  onClose(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    contain(this.brick.log, 'dropping what waited for a client has failed', () => {
      this.brick.qos?.drop(this);
    });
    contain(this.brick.log, 'dropping what waited for the groups of users has failed', () => {
      for (const fop of this.#held?.takeAll() ?? []) fop.drop(null);
    });
    this.#held = null;
    this.brick.clients.sessionClosed(this, reason);
  }
}

/** Why bytes could not be decoded. */
const reasonOf = (thrown: unknown): string => (thrown instanceof XdrError ? thrown.reason : describeThrown(thrown));
