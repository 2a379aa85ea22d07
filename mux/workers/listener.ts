/** The port that all bricks share, and the connections that are still in their handshake. */
import { addon } from '../../native/addon.js';
import type { ByteString } from '../../native/bytes.js';
import { EACCES, errnoName } from '../../native/errno.js';
import { describeThrown } from '../base/fault.js';
import type { Logger } from '../base/log.js';
import { type Greeted, Greeting, type GreetingHost } from '../handshake/greeting.js';
import {
  HANDSHAKE_MS,
  type Handover,
  Handshake,
  type HandshakeBrick,
  type HandshakeHost,
} from '../handshake/handshake.js';
import { HandshakeBudget } from '../handshake/handshake-memory.js';
import { TlsContexts } from '../tls/tls-contexts.js';
import type { TlsProfile } from '../tls/tls-profile.js';
import { setHandshakeOptions } from '../transport/socket-options.js';
import { AcceptLoop } from './accept-loop.js';

export interface ListenAddress {
  host: string;
  port: number;
  family: 4 | 6;
  backlog: number;
}

/** What the listener asks of the server. */
export interface ListenerOwner {
  readonly processUuid: string;
  readonly log: Logger;
  findBrick(name: ByteString): HandshakeBrick | undefined;
  /** Of the bricks that are served: how each wants TLS; null: not at all. */
  tlsProfiles(): Iterable<TlsProfile | null>;
  /** Takes over a connection whose handshake is done. */
  handOver(brick: HandshakeBrick, handover: Handover): void;
}

export class Listener implements GreetingHost, HandshakeHost {
  readonly budget = new HandshakeBudget();
  readonly tls: TlsContexts;
  readonly #owner: ListenerOwner;
  readonly #greetings = new Set<Greeting>();
  readonly #handshakes = new Set<Handshake>();
  /** Clients that were not let in: those that may not, and those whose brick is not there or not for them. */
  readonly refusals = { denied: 0, other: 0 };
  #loop: AcceptLoop | null = null;

  constructor(owner: ListenerOwner) {
    this.#owner = owner;
    this.tls = new TlsContexts(
      () => [...owner.tlsProfiles()].filter((profile) => profile !== null),
      () => this.log,
    );
  }

  /** Opens the port. Throws an error that has `code` ('EADDRINUSE' ...). */
  listen({ host, port, family, backlog }: ListenAddress): { port: number } {
    const fd = addon.listenTcp(host, port, family, backlog);
    if (fd < 0) {
      const code = errnoName(-fd);
      throw Object.assign(new Error(`cannot listen on port ${port}: ${code}`), { code, errno: -fd });
    }
    this.#loop = new AcceptLoop(
      fd,
      (connection) => this.#greet(connection),
      () => this.log,
    );
    const name = addon.sockName(fd);
    return { port: typeof name === 'number' ? port : name[1] };
  }

  #greet(fd: number): void {
    setHandshakeOptions(fd);
    this.#orClose(fd, () => this.#greetings.add(new Greeting(fd, this, HANDSHAKE_MS)));
  }

  #orClose(fd: number, take: () => void): void {
    try {
      take();
    } catch (thrown) {
      this.log.error(0, `a new connection is closed: ${describeThrown(thrown)}`);
      addon.closeFd(fd);
    }
  }

  get takesPlain(): boolean {
    let bricks = 0;
    for (const profile of this.#owner.tlsProfiles()) {
      if (profile === null) return true;
      bricks++;
    }
    return bricks === 0;
  }

  greeted(greeting: Greeting, result: Greeted): void {
    this.#greetings.delete(greeting);
    this.#orClose(result.fd, () => this.#handshakes.add(new Handshake(result, this)));
  }

  greetingFailed(greeting: Greeting): void {
    this.#greetings.delete(greeting);
  }

  get processUuid(): string {
    return this.#owner.processUuid;
  }
  get log(): Logger {
    return this.#owner.log;
  }
  findBrick(name: ByteString): HandshakeBrick | undefined {
    return this.#owner.findBrick(name);
  }
  handOver(brick: HandshakeBrick, handover: Handover): void {
    this.#owner.handOver(brick, handover);
  }
  refused(errno: number): void {
    if (errno === EACCES) this.refusals.denied++;
    else this.refusals.other++;
  }
  ended(handshake: Handshake): void {
    this.#handshakes.delete(handshake);
  }

  /** Accepts no more connections. */
  closePort(): void {
    this.#loop?.close();
    this.#loop = null;
  }

  /** Closes the connections that wait for their brick. */
  closeHandshakes(): void {
    for (const greeting of [...this.#greetings]) greeting.close('');
    for (const handshake of [...this.#handshakes]) handshake.close();
  }
}
