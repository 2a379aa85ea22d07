/**
 * A new connection on the main thread: it lists programs, answers pings, and learns from SETVOLUME which brick the
 * client wants. An accepted connection moves to the brick's worker together with its descriptor; a refused one may try
 * again.
 */

import { type ByteString, bytesOfLatin1, latin1OfBytes } from '../../native/bytes.js';
import { EACCES, EAGAIN, EINVAL, ENOENT } from '../../native/errno.js';
import type { Region } from '../../native/memory.js';
import { type Logger, loggerFor } from '../base/log.js';
import type { AuthRequest, AuthRules } from '../brick/auth.js';
import { type ClientIdentity, credentialText } from '../brick/client.js';
import type { TlsProfile } from '../tls/tls-profile.js';
import { serveBasicProgram } from '../transport/basic-programs.js';
import { Connection, type ConnectionHandler } from '../transport/connection.js';
import { tryDecode } from '../transport/try-decode.js';
import { decodeOldDict } from '../wire/dict.js';
import { HANDSHAKE_PROGRAM, HANDSHAKE_VERSION, HandshakeProc, setvolumeReq } from '../wire/programs/handshake.js';
import { AcceptStat, CallHeader, parseCall, RpcRejected } from '../wire/rpc.js';
import { XdrReader } from '../wire/xdr.js';
import { Dict } from '../xlator/dict.js';
import { FOP_PROGRAM } from '../xlator/fop-table.js';
import type { Greeted, TlsIdentity } from './greeting.js';
import type { HandshakeBudget } from './handshake-memory.js';
import { encodeSetvolumeReply } from './setvolume-reply.js';

/** A handshake fits in far less; a client that sends more here is none. */
const MAX_RECORD_BYTES = 64 << 10;
/** How long a handshake waits for a brick whose worker is being replaced, before the client is told to try again. */
export const HOLD_MS = 15_000;
/** A connection that has not asked for a brick after this time is closed. */
export const HANDSHAKE_MS = 120_000;

/** What the main thread knows of a brick, for the handshake. */
export interface HandshakeBrick {
  readonly name: ByteString;
  /** Domain of log lines: name of the server volume. */
  readonly serverName: string;
  readonly volumeId: string | undefined;
  readonly auth: AuthRules;
  /** Null: its connections are plain. */
  readonly tls: TlsProfile | null;
  /** Being detached: not any more for new clients. */
  readonly stopping: boolean;
  readonly up: boolean;
  /** Why it accepts no client; '' if it does. */
  readonly withheld: string;
  /** Its worker has failed, and the supervisor starts it again. */
  readonly returning: boolean;
  /** Resolves when it is not returning any more, or after that time. */
  waitUntilUp(limitMs: number): Promise<void>;
}

/** A connection that goes to its brick. */
export interface Handover {
  fd: number;
  /** What the receiver takes the descriptor with. */
  ticket: number;
  xid: number;
  /** Received after the SETVOLUME record. */
  rest: Uint8Array;
  identity: ClientIdentity;
  /** Keys of a successful reply. */
  reply: { volumeId: string | undefined; processUuid: string };
}

/** What a handshake asks of the listener that it belongs to. */
export interface HandshakeHost {
  readonly processUuid: string;
  readonly log: Logger;
  readonly budget: HandshakeBudget;
  findBrick(name: ByteString): HandshakeBrick | undefined;
  handOver(brick: HandshakeBrick, handover: Handover): void;
  /** A client was not let in. errno: why, EACCES if it may not. */
  refused(errno: number): void;
  /** The connection is closed, or handed over. */
  ended(handshake: Handshake): void;
}

/** What the client has asked for is there, and it has told who it is. */
interface AskedBrick {
  brick: HandshakeBrick;
  uid: string;
}

interface Refusal {
  errno: number;
  text: string;
  childUp: boolean | undefined;
  volumeId?: string | undefined;
}

export class Handshake implements ConnectionHandler {
  readonly #host: HandshakeHost;
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  readonly #address: string;
  readonly #port: number;
  readonly #tls: TlsIdentity | null;

  constructor({ fd, address, port, tls }: Greeted, host: HandshakeHost) {
    this.#host = host;
    this.#address = address;
    this.#port = port;
    this.#tls = tls;
    const memory = host.budget.of(this.#address);
    this.#connection = new Connection(fd, this, MAX_RECORD_BYTES, memory);
    this.#timer = setTimeout(() => this.#connection.close('no brick asked for in time'), HANDSHAKE_MS);
    this.#timer.unref();
  }

  get #peer(): string {
    return `${this.#address}:${this.#port}`;
  }

  close(): void {
    this.#connection.close('shutting down');
  }

  onClose(reason: string): void {
    clearTimeout(this.#timer);
    if (reason !== '') this.#host.log.warning(0, `connection of ${this.#peer} ended during its handshake: ${reason}`);
    this.#host.ended(this);
  }

  onRecord(region: Region, start: number, end: number): void {
    const reader = new XdrReader();
    const header = new CallHeader();
    try {
      reader.reset(region.bytes, start, end);
      parseCall(reader, header);
    } catch (error) {
      if (!(error instanceof RpcRejected)) {
        this.#connection.close('malformed RPC header');
        return;
      }
      error.encode(this.#connection.writer());
      this.#connection.queued(null, 0);
      return;
    }
    const { program, version, procedure } = header;
    if (program === HANDSHAKE_PROGRAM && version === HANDSHAKE_VERSION && procedure === HandshakeProc.setvolume) {
      this.#setvolume(header, reader);
    } else if (program === FOP_PROGRAM) {
      // A fop before the handshake: stock closes such a connection too.
      this.#connection.close('fop before SETVOLUME');
    } else {
      serveBasicProgram(header, reader, this.#connection);
    }
  }

  #setvolume(header: CallHeader, reader: XdrReader): void {
    const { xid } = header;
    const request = tryDecode(setvolumeReq, reader);
    if (request === null) {
      this.#connection.writer().reply(xid, AcceptStat.garbageArgs);
      this.#connection.queued(null, 0);
      return;
    }
    let dict: Dict | null;
    try {
      dict = decodeOldDict(request.dict);
    } catch {
      dict = null;
    }
    if (dict === null) {
      this.#refuse(xid, '', {
        errno: EINVAL,
        text: 'Internal error: failed to unserialize request dictionary',
        childUp: undefined,
      });
      return;
    }
    // Later records wait for the brick's thread.
    this.#connection.pause();
    this.#decide(xid, dict, credentialText(header)).catch((error: unknown) => {
      this.#host.log.error(0, `handshake failed: ${String(error)}`);
      this.#connection.close('handshake failed');
    });
  }

  async #decide(xid: number, dict: Dict, credential: string): Promise<void> {
    const name = dict.text('remote-subvolume');
    if (name === undefined) {
      this.#refuse(xid, '', { errno: EINVAL, text: 'No remote-subvolume option specified', childUp: undefined });
      return;
    }
    let brick = this.#host.findBrick(bytesOfLatin1(name));
    if (brick?.returning) {
      await brick.waitUntilUp(HOLD_MS);
      if (this.#connection.closed) return;
      brick = this.#host.findBrick(bytesOfLatin1(name));
    }
    const checked = check(dict, brick);
    if ('errno' in checked) {
      this.#refuse(xid, name, checked);
      return;
    }
    const { uid } = checked;
    const entry = checked.brick;
    const subdir = dict.text('subdir-mount') ?? '/';
    const auth: AuthRequest = {
      brick: latin1OfBytes(entry.name),
      peerAddress: this.#address,
      peerPort: this.#port,
      username: dict.text('username'),
      password: dict.text('password'),
      subdir,
      tlsName: this.#tls?.name ?? null,
    };
    if (entry.tls !== null && this.#tls?.meets(entry.tls) === false) {
      // Its options or files have changed since: the client starts over.
      this.#connection.close(`brick ${name} takes TLS connections as its options are now: this one was begun before`);
      return;
    }
    const verdict = await entry.auth.check(auth);
    if (this.#connection.closed) return;
    const log = loggerFor(entry.serverName);
    for (const note of verdict.notes) log.info(0, note);
    if (!verdict.accepted) {
      log.error(115034, `Cannot authenticate client from ${uid} ${dict.text('client-version') ?? ''}`);
      const text = 'Authentication failed';
      this.#refuse(xid, name, { errno: EACCES, text, childUp: true, volumeId: entry.volumeId });
      return;
    }
    const identity: ClientIdentity = {
      uid,
      opVersion: dict.number('opversion') ?? 0,
      processName: dict.text('process-name') ?? '',
      peer: this.#peer,
      version: dict.text('client-version') ?? 'old',
      trusted: verdict.trusted,
      subdir,
      credential,
      auth,
    };
    clearTimeout(this.#timer);
    const rest = this.#connection.detach();
    if (rest === null) return;
    this.#host.ended(this);
    this.#host.handOver(entry, {
      fd: this.#connection.fd,
      ticket: 0,
      xid,
      rest,
      identity,
      reply: { volumeId: entry.volumeId, processUuid: this.#host.processUuid },
    });
  }

  /** brick: what the client asked for, '' if it named none. */
  #refuse(xid: number, brick: string, refusal: Refusal): void {
    if (this.#connection.closed) return;
    this.#host.refused(refusal.errno);
    const wish = brick === '' ? '' : ` of brick ${brick}`;
    this.#host.log.warning(0, `client ${this.#peer}${wish} refused: ${refusal.text}`);
    const dict = new Dict().setText('ERROR', refusal.text);
    if (refusal.childUp !== undefined) dict.setUint('child_up', refusal.childUp ? 1 : 0);
    if (refusal.volumeId !== undefined) dict.setText('volume-id', refusal.volumeId);
    encodeSetvolumeReply(this.#connection.writer(), xid, -1, refusal.errno, dict);
    this.#connection.queued(null, 0);
    // It may try again.
    this.#connection.resume();
  }
}

/** The checks of the handshake in stock's order, as far as they need no waiting. */
function check(dict: Dict, brick: HandshakeBrick | undefined): AskedBrick | Refusal {
  if (brick !== undefined && !brick.up) {
    return { errno: EAGAIN, text: 'Not received child_up for this xlator', childUp: false };
  }
  if (brick !== undefined && brick.withheld !== '') {
    return { errno: EAGAIN, text: brick.withheld, childUp: false };
  }
  const uid = dict.text('process-uuid');
  if (uid === undefined) {
    return { errno: EINVAL, text: 'UUID not specified', childUp: brick === undefined ? undefined : true };
  }
  const asked = dict.text('volume-id');
  if (brick?.volumeId !== undefined && asked !== undefined && asked !== brick.volumeId) {
    const text = 'Volume-ID different, possible case of same brick re-used in another volume';
    return { errno: EINVAL, text, childUp: true };
  }
  if (brick?.stopping === true) {
    const text = 'cleanup flag is set for xlator.  Try again later';
    return { errno: EAGAIN, text, childUp: true, volumeId: brick.volumeId };
  }
  const version = dict.number('fops-version');
  if (version !== FOP_PROGRAM) {
    const text = `version mismatch: client(${version ?? 0}) - client-mgmt(${dict.number('mgmt-version') ?? 0})`;
    return { errno: EINVAL, text, childUp: brick === undefined ? undefined : true, volumeId: brick?.volumeId };
  }
  if (brick === undefined) return { errno: ENOENT, text: 'Brick not found', childUp: undefined };
  return { brick, uid };
}
