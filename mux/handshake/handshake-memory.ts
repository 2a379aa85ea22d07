/**
 * What connections may hold before their handshake, by the address that they come from: nobody is known by more than that yet. A
 * handshake fits into one packet, so an honest client is hardly ever seen here.
 */
import type { Connection, ConnectionMemory } from '../transport/connection.js';

/** Unfinished records and untaken replies of an address; of all addresses together. */
export const ADDRESS_BYTES = 4 << 20;
const ALL_BYTES = 32 << 20;
/** Connections of an address that have not shaken hands: beyond, the oldest goes. A node may well open a thousand at once. */
export const ADDRESS_CONNECTIONS = 2048;

let heldByAll = 0;
const addresses = new Map<string, GreetingMemory>();

export class GreetingMemory implements ConnectionMemory {
  readonly #address: string;
  readonly #connections = new Set<Connection>();
  #held = 0;

  private constructor(address: string) {
    this.#address = address;
  }

  static of(address: string): GreetingMemory {
    let memory = addresses.get(address);
    if (memory === undefined) {
      memory = new GreetingMemory(address);
      addresses.set(address, memory);
    }
    return memory;
  }

  /** Addresses that have connections. */
  static get addresses(): number {
    return addresses.size;
  }

  joined(connection: Connection): void {
    this.#connections.add(connection);
    if (this.#connections.size <= ADDRESS_CONNECTIONS) return;
    for (const oldest of this.#connections) {
      oldest.close(
        `more than ${ADDRESS_CONNECTIONS} connections of one address without a handshake: this is the oldest`,
      );
      return;
    }
  }

  left(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) addresses.delete(this.#address);
  }

  take(bytes: number, connection: Connection): void {
    this.#held += bytes;
    heldByAll += bytes;
    if (!this.#room(0)) this.#refuse(connection);
  }

  #room(bytes: number): boolean {
    return this.#held + bytes <= ADDRESS_BYTES && heldByAll + bytes <= ALL_BYTES;
  }

  #refuse(connection: Connection): void {
    // It is in the middle of receiving now.
    setImmediate(() => connection.close('too much was sent or not taken without a handshake'));
  }

  give(bytes: number): void {
    this.#held -= bytes;
    heldByAll -= bytes;
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
