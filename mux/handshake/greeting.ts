/**
 * A new connection before its protocol is known: the first byte tells TLS from plain text, and with TLS, the TLS
 * handshake comes first. It runs on the main thread, where no fop is served, step by step: a client that sends nothing,
 * or slowly, delays nobody.
 *
 *   accepted ──first byte──> plain text ────────────────────────────────────────────> Handshake: SETVOLUME
 *                     └────> TLS: certificates read ──> handshake ──> client's name ──┘
 */
import { addon, type Poller } from '../../native/addon.js';
import { EAGAIN, errnoName } from '../../native/errno.js';
import { READINESS } from '../../native/layout.js';
import { background, describeThrown } from '../base/fault.js';
import type { Logger } from '../base/log.js';
import type { TlsContext, TlsContexts } from '../tls/tls-contexts.js';
import type { TlsProfile } from '../tls/tls-profile.js';
import type { HandshakeBudget, HandshakeMemory } from './handshake-memory.js';

/** First byte of a TLS client: a handshake record. Records of RPC begin with their mark, whose first byte is 0x80 in all but absurd ones. */
const TLS_HANDSHAKE_RECORD = 0x16;

/** TLS of a connection: who the client is, and what the connection meets. */
export interface TlsIdentity {
  /** Common name of the client's certificate, as latin1. */
  readonly name: string;
  /** Whether a brick with this profile takes the connection. */
  meets(profile: TlsProfile): boolean;
}

/** A connection of which it is known what it speaks. */
export interface Greeted {
  readonly fd: number;
  readonly address: string;
  readonly port: number;
  /** Null: plain text. */
  readonly tls: TlsIdentity | null;
}

/** What a greeting asks of the listener that it belongs to. */
export interface GreetingHost {
  readonly log: Logger;
  readonly budget: HandshakeBudget;
  readonly tls: TlsContexts;
  /** Whether any brick takes plain connections; true also where there is no brick yet. */
  readonly takesPlain: boolean;
  /** The connection is the callee's now. */
  greeted(greeting: Greeting, result: Greeted): void;
  /** The connection is closed. */
  greetingFailed(greeting: Greeting): void;
}

export class Greeting {
  readonly #fd: number;
  readonly #host: GreetingHost;
  readonly #address: string;
  readonly #port: number;
  readonly #memory: HandshakeMemory;
  readonly #timer: NodeJS.Timeout;
  readonly #poller: Poller;
  #context: TlsContext | null = null;
  #over = false;

  /** limitMs: after this time the connection is closed. */
  constructor(fd: number, host: GreetingHost, limitMs: number) {
    this.#fd = fd;
    this.#host = host;
    const peer = addon.peerName(fd);
    [this.#address, this.#port] = typeof peer === 'number' ? ['', 0] : peer;
    this.#memory = host.budget.of(this.#address);
    this.#poller = addon.poll(fd, () => this.#ready());
    this.#poller.set(READINESS.readable);
    this.#timer = setTimeout(() => this.close('it has said nothing in time'), limitMs);
    this.#timer.unref();
    this.#memory.joined(this);
  }

  #ready(): void {
    if (this.#over) return;
    try {
      if (this.#context === null) this.#firstByte();
      else this.#step(this.#context);
    } catch (thrown) {
      this.close(describeThrown(thrown));
    }
  }

  #firstByte(): void {
    const byte = addon.peekByte(this.#fd);
    if (byte === -EAGAIN) return;
    if (byte < 0) {
      this.close('');
    } else if (byte === TLS_HANDSHAKE_RECORD) {
      // Until its certificates are there nothing is read.
      this.#poller.set(0);
      background(this.#beginTls(), this.#host.log, `a TLS connection of ${this.#address} is lost`);
    } else if (this.#host.takesPlain) {
      this.#done(null);
    } else {
      this.close('plain text, and the bricks here take TLS connections only (server.ssl is on)');
    }
  }

  async #beginTls(): Promise<void> {
    let context: TlsContext;
    try {
      context = await this.#host.tls.current();
    } catch (error) {
      this.close(`TLS: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (this.#over) return;
    const result = addon.tlsBegin(this.#fd, context.native);
    if (result < 0) {
      this.close(`TLS: ${errnoName(-result)}`);
      return;
    }
    this.#context = context;
    this.#ready();
  }

  #step(context: TlsContext): void {
    const wanted = addon.tlsHandshake(this.#fd);
    if (wanted > 0) {
      this.#poller.set(wanted);
    } else if (wanted < 0) {
      this.close(`TLS handshake failed: ${addon.tlsProblem(this.#fd)}`);
    } else {
      const { name, profiles } = addon.tlsPeer(this.#fd);
      this.#done({ name, meets: (profile) => context.isMet(profile, profiles) });
    }
  }

  #done(tls: TlsIdentity | null): void {
    this.#end();
    this.#host.greeted(this, { fd: this.#fd, address: this.#address, port: this.#port, tls });
  }

  /** reason: for the log; '' where there is nothing to tell. */
  close(reason: string): void {
    if (this.#over) return;
    this.#end();
    addon.closeFd(this.#fd);
    if (reason !== '') this.#host.log.error(0, `connection of ${this.#address}:${this.#port} is closed: ${reason}`);
    this.#host.greetingFailed(this);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#poller.close();
    this.#memory.left(this);
  }
}
