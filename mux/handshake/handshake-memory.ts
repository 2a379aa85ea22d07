/**
 * Limits what connections may hold before their handshake, by the address that they come from, since nothing else is
 * known of them yet. A handshake fits into one packet, so honest clients hardly ever count here.
 */
import { assert } from '../../native/assert.js';
import type { Connection, ConnectionMemory } from '../transport/connection.js';

/** Unfinished records and untaken replies of an address; of all addresses together. */
export const ADDRESS_BYTES = 4 << 20;
const ALL_BYTES = 32 << 20;
/** Connections of an address that have not shaken hands: beyond, the oldest goes. A node may well open a thousand at once. */
const ADDRESS_CONNECTIONS = 2048;

/** A connection, at whatever point of its handshake. */
interface Closable {
  close(reason: string): void;
}

/** The sum over all addresses, and the accounts of those that have connections. */
export class HandshakeBudget {
  readonly #addresses = new Map<string, HandshakeMemory>();
  #held = 0;

  of(address: string): HandshakeMemory {
    let memory = this.#addresses.get(address);
    if (memory === undefined) {
      memory = new HandshakeMemory(this, () => this.#addresses.delete(address));
      this.#addresses.set(address, memory);
    }
    return memory;
  }

  /** Addresses that have connections. */
  get addresses(): number {
    return this.#addresses.size;
  }

  get held(): number {
    return this.#held;
  }

  /** bytes: negative for what is given back. */
  add(bytes: number): void {
    this.#held += bytes;
    assert(this.#held >= 0, 'handshakes give back no more memory than they have taken');
  }
}

export class HandshakeMemory implements ConnectionMemory {
  readonly #budget: HandshakeBudget;
  /** Called when the last connection has left. */
  readonly #unused: () => void;
  readonly #connections = new Set<Closable>();
  #held = 0;

  constructor(budget: HandshakeBudget, unused: () => void) {
    this.#budget = budget;
    this.#unused = unused;
  }

  joined(connection: Closable): void {
    this.#connections.add(connection);
    if (this.#connections.size <= ADDRESS_CONNECTIONS) return;
    for (const oldest of this.#connections) {
      oldest.close(
        `more than ${ADDRESS_CONNECTIONS} connections of one address without a handshake: this is the oldest`,
      );
      return;
    }
  }

  left(connection: Closable): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#unused();
  }

  take(bytes: number, connection: Connection): void {
    this.#held += bytes;
    this.#budget.add(bytes);
    if (!this.#room(0)) this.#refuse(connection);
  }

  #room(bytes: number): boolean {
    return this.#held + bytes <= ADDRESS_BYTES && this.#budget.held + bytes <= ALL_BYTES;
  }

  #refuse(connection: Connection): void {
    // It is in the middle of receiving now.
    setImmediate(() => connection.close('too much was sent or not taken without a handshake'));
  }

  give(bytes: number): void {
    this.#held -= bytes;
    assert(this.#held >= 0, 'the connections of an address give back no more memory than they have taken');
    this.#budget.add(-bytes);
  }

  begin(connection: Connection, bytes: number): boolean {
    if (this.#room(bytes)) {
      this.take(bytes, connection);
      return true;
    }
    this.#refuse(connection);
    return false;
  }

  force(connection: Connection, bytes: number): void {
    this.take(bytes, connection);
  }

  end(_connection: Connection, bytes: number): void {
    this.give(bytes);
  }
}
