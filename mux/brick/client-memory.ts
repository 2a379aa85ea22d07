/**
 * Limits on the memory that clients make a thread hold. A client over its limit is not read until it is well below it
 * again; no request fails because of that.
 *
 * In flight: what requests hold while they are served, and replies that the client has not taken. It shrinks without
 * the client's help (except for the replies), so reading may wait for it. Unfinished: records that were received in
 * part. Those shrink only by receiving more, so they are counted separately: a record that was admitted is received to
 * its end, and others wait.
 */

import { assert } from '../../native/assert.js';
import { ticker } from '../base/ticker.js';
import { type Connection, type ConnectionMemory, PauseReason } from '../transport/connection.js';
import type { MemoryAccount } from '../xlator/inode.js';

/** In flight per client: more than 64 writes of 512 KiB keep no disk any busier. */
const CLIENT_BYTES = 64 << 20;
/** In flight of all clients of a thread: from there on each client has an equal share of it. */
const THREAD_BYTES = 192 << 20;
/** Unfinished per client; a single record may be larger. */
const UNFINISHED_BYTES = 32 << 20;
/** Unfinished of all clients of a thread: from there on the oldest records go, with their connections. */
const THREAD_UNFINISHED_BYTES = 160 << 20;

/** How often unfinished records are checked, and how many bytes must have arrived meanwhile. */
const PROGRESS_SEC = 30;
const PROGRESS_BYTES = 16 << 10;

/** What all clients of a thread hold. */
class ThreadMemory {
  /** Clients with something in flight, and the sum. */
  holders = 0;
  inFlight = 0;
  /** Bytes of unfinished records. */
  unfinished = 0;
  /** Connections that have an unfinished record, the oldest first, and the bytes received at the last look (-1: none yet). */
  readonly #records = new Map<Connection, number>();
  #looking = false;

  /** A connection has an unfinished record from now on. */
  begun(connection: Connection): void {
    this.#records.set(connection, -1);
    if (this.#looking) return;
    this.#looking = true;
    ticker.every(PROGRESS_SEC, () => this.#closeStalled());
  }

  ended(connection: Connection): void {
    this.#records.delete(connection);
  }

  /** Closes connections whose record makes no progress. */
  #closeStalled(): void {
    for (const [connection, before] of this.#records) {
      const now = connection.bytesIn;
      // A connection that this side has paused cannot make progress.
      if (before >= 0 && now - before < PROGRESS_BYTES && !connection.paused)
        connection.close(`an unfinished record made no progress for ${PROGRESS_SEC} s`);
      else this.#records.set(connection, now);
    }
  }

  closeOldest(but: Connection): void {
    for (const connection of this.#records.keys()) {
      if (connection === but) continue;
      connection.close('too many unfinished records: this is the oldest');
      return;
    }
  }
}

const thread = new ThreadMemory();

interface Waiting {
  connection: Connection;
  bytes: number;
}

/** The account of one client, which all its connections share. */
export class ClientMemory implements MemoryAccount, ConnectionMemory {
  readonly #connections: Connection[] = [];
  #held = 0;
  #full = false;
  #unfinished = 0;
  readonly #ofConnection = new Map<Connection, number>();
  #waiting: Waiting[] = [];

  get held(): number {
    return this.#held;
  }

  // --- connections --------------------------------------------------------------------------------------------------

  joined(connection: Connection): void {
    this.#connections.push(connection);
    if (this.#full) connection.pause(PauseReason.memory);
  }

  left(connection: Connection): void {
    const at = this.#connections.indexOf(connection);
    if (at >= 0) this.#connections.splice(at, 1);
    this.#waiting = this.#waiting.filter((w) => w.connection !== connection);
    this.#letIn();
  }

  // --- in flight ----------------------------------------------------------------------------------------------------

  take(bytes: number): void {
    if (this.#held === 0 && bytes > 0) thread.holders++;
    this.#held += bytes;
    thread.inFlight += bytes;
    if (this.#full || this.#held < CLIENT_BYTES) {
      if (this.#full || thread.inFlight < THREAD_BYTES || this.#held < THREAD_BYTES / thread.holders) return;
    }
    this.#full = true;
    for (const connection of this.#connections) connection.pause(PauseReason.memory);
  }

  give(bytes: number): void {
    this.#held -= bytes;
    thread.inFlight -= bytes;
    assert(this.#held >= 0, 'no more memory is given back than was taken');
    if (this.#held === 0 && bytes > 0) thread.holders--;
    if (!this.#full || this.#held > CLIENT_BYTES / 2) return;
    if (this.#held > 0 && thread.inFlight >= THREAD_BYTES && this.#held > THREAD_BYTES / thread.holders / 2) return;
    this.#full = false;
    for (const connection of this.#connections) connection.resume(PauseReason.memory);
  }

  // --- unfinished records -------------------------------------------------------------------------------------------

  begin(connection: Connection, bytes: number): boolean {
    if (this.#unfinished > 0 && this.#unfinished + bytes > UNFINISHED_BYTES) {
      this.#waiting.push({ connection, bytes });
      connection.pause(PauseReason.unfinished);
      return false;
    }
    this.force(connection, bytes);
    return true;
  }

  force(connection: Connection, bytes: number): void {
    this.#unfinished += bytes;
    thread.unfinished += bytes;
    const had = this.#ofConnection.get(connection) ?? 0;
    this.#ofConnection.set(connection, had + bytes);
    if (had === 0) thread.begun(connection);
    if (thread.unfinished > THREAD_UNFINISHED_BYTES) thread.closeOldest(connection);
  }

  end(connection: Connection, bytes: number): void {
    this.#unfinished -= bytes;
    thread.unfinished -= bytes;
    const has = (this.#ofConnection.get(connection) ?? 0) - bytes;
    assert(has >= 0 && this.#unfinished >= 0, 'no more bytes of unfinished records end than have begun');
    if (has > 0) this.#ofConnection.set(connection, has);
    else {
      this.#ofConnection.delete(connection);
      thread.ended(connection);
    }
    if (this.#waiting.length > 0) this.#letIn();
  }

  /** Grants room to waiting records, in order. */
  #letIn(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { connection, bytes } = first;
      if (this.#unfinished > 0 && this.#unfinished + bytes > UNFINISHED_BYTES) return;
      this.#waiting.shift();
      this.force(connection, bytes);
      connection.granted(bytes);
    }
  }
}
