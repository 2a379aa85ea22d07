/** The port that all bricks share, and the connections whose handshake is not done. */
import { addon } from '../../native/addon.js';
import type { ByteString } from '../../native/bytes.js';
import { errnoName } from '../../native/errno.js';
import { describeThrown } from '../base/fault.js';
import type { Logger } from '../base/log.js';
import { type Handover, Handshake, type HandshakeBrick, type HandshakeHost } from '../handshake/handshake.js';
import { HandshakeBudget } from '../handshake/handshake-memory.js';
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
  /** Takes over a connection whose handshake is done. */
  handOver(brick: HandshakeBrick, handover: Handover): void;
}

export class Listener implements HandshakeHost {
  readonly budget = new HandshakeBudget();
  readonly #owner: ListenerOwner;
  readonly #handshakes = new Set<Handshake>();
  #loop: AcceptLoop | null = null;

  constructor(owner: ListenerOwner) {
    this.#owner = owner;
  }

  /** Opens the port. Throws an error that has `code` ('EADDRINUSE' ...). */
  listen({ host, port, family, backlog }: ListenAddress): { port: number } {
    const fd = addon.listenTcp(host, port, family, backlog);
    if (fd < 0) {
      const code = errnoName(-fd);
      throw Object.assign(new Error(`can't listen on port ${port}: ${code}`), { code, errno: -fd });
    }
    this.#loop = new AcceptLoop(
      fd,
      (connection) => this.#shakeHands(connection),
      () => this.log,
    );
    const name = addon.sockName(fd);
    return { port: typeof name === 'number' ? port : name[1] };
  }

  #shakeHands(fd: number): void {
    setHandshakeOptions(fd);
    try {
      this.#handshakes.add(new Handshake(fd, this));
    } catch (thrown) {
      this.log.error(0, `a new connection is closed: ${describeThrown(thrown)}`);
      addon.closeFd(fd);
    }
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
    for (const handshake of [...this.#handshakes]) handshake.close();
  }
}
