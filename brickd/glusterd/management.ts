/**
 * The connection to glusterd: fetches volfiles, registers bricks, and receives notices of changed volfiles. After a
 * loss it reconnects, always to the same host, because only that glusterd knows the bricks of this node.
 */
import type { Socket } from 'node:net';
import { background } from '../../mux/base/fault.js';
import { event, loggerFor } from '../../mux/base/log.js';
import { encodeOldDict } from '../../mux/wire/dict.js';
import { CALLBACK_PROGRAM, CallbackProc } from '../../mux/wire/programs/callback.js';
import {
  getspecReq,
  getspecRsp,
  HANDSHAKE_PROGRAM,
  HANDSHAKE_VERSION,
  HandshakeProc,
} from '../../mux/wire/programs/handshake.js';
import {
  PORTMAP_PROGRAM,
  PORTMAP_VERSION,
  PortmapProc,
  signinReq,
  signinRsp,
  signoutReq,
  signoutRsp,
} from '../../mux/wire/programs/portmap.js';
import type { CallHeader } from '../../mux/wire/rpc.js';
import type { XdrReader } from '../../mux/wire/xdr.js';
import { Dict } from '../../mux/xlator/dict.js';
import { type ByteString, latin1OfBytes } from '../../native/bytes.js';
import { RpcFailure, RpcSocket } from '../rpc/rpc-socket.js';
import { MAX_OP_VERSION, MIN_OP_VERSION } from '../version.js';
import { Backoff, pause } from './backoff.js';
import { dial, type GlusterdAddress } from './dial.js';
import { isTlsAlert, reasonOf, TlsFailure } from './tls-failure.js';

const log = loggerFor('glusterfsd-mgmt');

const GETSPEC = { program: HANDSHAKE_PROGRAM, version: HANDSHAKE_VERSION, procedure: HandshakeProc.getspec };
const SIGN_IN = { program: PORTMAP_PROGRAM, version: PORTMAP_VERSION, procedure: PortmapProc.signin };
const SIGN_OUT = { program: PORTMAP_PROGRAM, version: PORTMAP_VERSION, procedure: PortmapProc.signout };

/** glusterd refuses to give a volfile. */
export class VolfileRefused extends Error {
  readonly errno: number;

  constructor(errno: number, message = `glusterd refuses the volfile (errno ${errno})`) {
    super(message);
    this.errno = errno;
  }
}

/** A glusterd under load answers late; asking again sooner would only add to it. */
const ANSWER_TIMEOUT_MS = 30_000;
/** glusterd takes sign-outs when it is done with the command that it is at. */
const SIGN_OUT_TIMEOUT_MS = 5_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 6_000;
/** Tries to reach a glusterd that does not listen, or breaks off without a reason, and how long one that does not answer is tried. */
const REFUSED_TRIES = 3;
const REFUSED_PAUSE_MS = 300;
const UNREACHED_MS = 60_000;

export interface ManagementEvents {
  /** glusterd sent a notice of changed volfiles. */
  volfilesChanged(): void;
  /** The connection is up again after a loss: bricks must be registered again. */
  reconnected(): void;
}

export class Management {
  readonly #address: GlusterdAddress;
  readonly #events: ManagementEvents;
  #rpc: RpcSocket | null = null;
  /** Why glusterd refuses this process; '' if it does not. */
  #refusal = '';
  /** Pause between connection attempts; reset once glusterd has answered. */
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
  #closed = false;

  constructor(address: GlusterdAddress, events: ManagementEvents) {
    this.#address = address;
    this.#events = events;
  }

  get connected(): boolean {
    return this.#rpc?.open === true;
  }

  /**
   * Opens the connection for the first time. A busy glusterd is waited for; rejects with the last error when it cannot be
   * reached.
   */
  async open(): Promise<void> {
    const backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
    const end = Date.now() + UNREACHED_MS;
    for (let tries = 1; ; tries++) {
      try {
        return this.#take(await dial(this.#address));
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        const unexplained = error instanceof TlsFailure && error.unexplained;
        const refused = code === 'ECONNREFUSED' || code === 'ENOENT' || unexplained;
        const hopeless = refused ? tries >= REFUSED_TRIES : code !== 'ETIMEDOUT' && code !== 'ECONNRESET';
        if (this.#closed || hopeless || Date.now() > end) throw error;
        await pause(refused ? REFUSED_PAUSE_MS : backoff.next());
      }
    }
  }

  /**
   * Text of a volfile. Tries again while the connection comes and goes, glusterd does not answer in time, or what it has is not whole (it
   * may be writing it, or was ended while it did); rejects with VolfileRefused, or an RpcFailure when that goes on. persist: how often to try.
   */
  async fetchVolfile(id: string, brickName: ByteString, persist: number): Promise<string> {
    const backoff = new Backoff(RETRY_FIRST_MS, RETRY_MAX_MS);
    const xdata = new Dict().setInt('min-op-version', MIN_OP_VERSION).setInt('max-op-version', MAX_OP_VERSION);
    if (brickName.length > 0) xdata.setText('brick_name', latin1OfBytes(brickName));
    const request = { flags: 0, key: id, xdata: encodeOldDict(xdata) };
    for (let tries = 1; ; tries++) {
      try {
        const reply = await this.#ready().call(GETSPEC, getspecReq, request, getspecRsp, ANSWER_TIMEOUT_MS);
        if (reply.op_ret < 0) throw new VolfileRefused(reply.op_errno);
        const text = reply.spec.slice(0, reply.op_ret);
        if (isComplete(text)) return text;
        throw new RpcFailure(text === '' ? 'the volfile is empty' : 'the volfile is cut off');
      } catch (error) {
        if (!(error instanceof RpcFailure) || error.refused || tries >= persist || this.#closed) throw error;
        if (this.#refusal !== '') throw new RpcFailure(this.#refusal, true);
        log.warning(0, event('no volfile from glusterd yet', { 'volfile-id': id, reason: error.message, tries }));
        await pause(backoff.next());
      }
    }
  }

  /** Registers a brick with its port. Resolves false when glusterd refuses; rejects with an RpcFailure. */
  async signIn(brick: ByteString, port: number): Promise<boolean> {
    const request = { brick: latin1OfBytes(brick), port, pid: process.pid };
    const reply = await this.#ready().call(SIGN_IN, signinReq, request, signinRsp, ANSWER_TIMEOUT_MS);
    if (reply.op_ret < 0) log.error(0, 'failed to register the port with glusterd');
    return reply.op_ret >= 0;
  }

  /** Removes a brick from the port map, if glusterd answers in time. Never rejects. */
  async signOut(brick: ByteString, port: number, rdmaPort: number): Promise<void> {
    const request = { brick: latin1OfBytes(brick), port, rdma_port: rdmaPort };
    try {
      await this.#ready().call(SIGN_OUT, signoutReq, request, signoutRsp, SIGN_OUT_TIMEOUT_MS);
    } catch {
      // glusterd notices the end of the connection
    }
  }

  close(): void {
    this.#closed = true;
    this.#rpc?.socket.destroy();
    this.#rpc = null;
  }

  #ready(): RpcSocket {
    if (this.#rpc === null) throw new RpcFailure('not connected to glusterd');
    return this.#rpc;
  }

  #take(socket: Socket): void {
    const rpc = new RpcSocket(
      socket,
      (call, args) => this.#called(call, args),
      (reason) => log.error(0, event('closing the connection to glusterd', { reason })),
    );
    this.#rpc = rpc;
    socket.on('error', (error) => this.#broken(error));
    socket.once('close', () => this.#lost(rpc));
    socket.once('data', () => {
      this.#refusal = '';
      this.#backoff.reset();
    });
  }

  /** With TLS 1.3 glusterd judges our certificate when the handshake is over for this side: its refusal comes here. */
  #broken(error: Error): void {
    if (!isTlsAlert(error)) {
      log.debug(0, `connection to glusterd: ${error.message}`);
      return;
    }
    this.#refusal = `glusterd refuses our certificate: ${reasonOf(error)}`;
    log.error(0, `${this.#address.host}: ${this.#refusal}`);
  }

  #lost(rpc: RpcSocket): void {
    if (this.#rpc !== rpc) return;
    this.#rpc = null;
    if (this.#closed) return;
    log.info(0, `disconnected from remote-host: ${this.#address.host}`);
    background(this.#again(), log, 'connecting to glusterd again failed');
  }

  async #again(): Promise<void> {
    let complained = false;
    while (!this.#closed) {
      await pause(this.#backoff.next());
      if (this.#closed) return;
      try {
        this.#take(await dial(this.#address));
        return this.#events.reconnected();
      } catch (error) {
        if (complained) continue;
        complained = true;
        log.error(
          0,
          `failed to connect to remote-host: ${this.#address.host} (${(error as Error).message}), trying on`,
        );
      }
    }
  }

  /** Callbacks get no reply. */
  #called(call: CallHeader, _args: XdrReader): void {
    if (call.program !== CALLBACK_PROGRAM || call.procedure !== CallbackProc.fetchspec) return;
    log.info(0, 'Volume file changed');
    this.#events.volfilesChanged();
  }
}

/** Whether a volfile of glusterd's ends as all do. (A filter of the administrator's may have put a comment behind that.) */
const isComplete = (text: string): boolean =>
  text
    .replace(/^\s*#.*/gm, '')
    .trimEnd()
    .endsWith('end-volume');
