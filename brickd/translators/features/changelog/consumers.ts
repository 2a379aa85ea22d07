/**
 * The processes that subscribed to events, and the socket on which they subscribe: /var/run/gluster/changelog-<hash of
 * the brick's path>.sock.
 */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../../../mux/base/log.js';
import {
  changelogProbeReq,
  changelogProbeRsp,
  PROBE_NAME,
  PROBE_PROGRAM,
  PROBE_VERSION,
  ProbeProc,
} from '../../../../mux/wire/programs/changelog.js';
import type { CallHeader } from '../../../../mux/wire/rpc.js';
import { AcceptStat } from '../../../../mux/wire/rpc-numbers.js';
import { XdrError, type XdrReader } from '../../../../mux/wire/xdr.js';
import { addon } from '../../../../native/addon.js';
import { type ByteString, latin1OfBytes } from '../../../../native/bytes.js';
import { answerDump, DUMP, DUMP_PROGRAM, refusalOf } from '../../../rpc/dump-program.js';
import { refusalRecord, replyRecord } from '../../../rpc/rpc-records.js';
import { RpcSocket } from '../../../rpc/rpc-socket.js';
import { Consumer } from './consumer.js';

/** Where consumers look for the socket. */
export const SOCKET_DIRECTORY = '/var/run/gluster';

const MAX_CONSUMERS = 128;
/** Connections on which consumers ask. */
const MAX_CONNECTIONS = 256;
const SOCKET_MODE = 0o600;
const PROGRAMS = [DUMP, { progname: PROBE_NAME, prognum: PROBE_PROGRAM, progver: PROBE_VERSION }];

export class Consumers {
  readonly #path: string;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #consumers = new Set<Consumer>();
  /** Kinds of events that some consumer wants. */
  #wanted = 0;

  private constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Listens for consumers of a brick. Rejects with an Error that names the socket. */
  static async listen(brick: ByteString, directory: string, log: Logger): Promise<Consumers> {
    const path = `${directory}/changelog-${addon.xxh64(latin1OfBytes(brick))}.sock`;
    const consumers = new Consumers(path, log);
    try {
      await mkdir(directory, { recursive: true });
      await rm(path, { force: true });
      await consumers.#listen();
      await chmod(path, SOCKET_MODE);
    } catch (error) {
      consumers.#server.close();
      throw new Error(
        `the socket for consumers of the changelog ${path} cannot be served: ${(error as Error).message}`,
      );
    }
    return consumers;
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path: this.#path }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#log.error(0, `${this.#path}: ${error.message}`));
        resolve();
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
    for (const consumer of [...this.#consumers]) consumer.end('the brick ends');
  }

  // --- events ---------------------------------------------------------------------------------------------------------

  /** Whether some consumer wants that kind of events. */
  wants(kind: number): boolean {
    return (this.#wanted & kind) !== 0;
  }

  tell(kind: number, event: Uint8Array): void {
    if (!this.wants(kind)) return;
    for (const consumer of [...this.#consumers]) if ((consumer.filter & kind) !== 0) consumer.tell(event);
  }

  get connected(): number {
    let count = 0;
    for (const consumer of this.#consumers) if (consumer.connected) count++;
    return count;
  }

  get waiting(): number {
    let count = 0;
    for (const consumer of this.#consumers) count += consumer.waiting;
    return count;
  }

  /** For how many milliseconds the oldest event that some consumer has not taken has been waiting. */
  get lagMs(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const consumer of this.#consumers) oldest = Math.min(oldest, consumer.oldest ?? oldest);
    return oldest === Number.POSITIVE_INFINITY ? 0 : Math.max(0, Date.now() - oldest);
  }

  // --- who asks ---------------------------------------------------------------------------------------------------------

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('error', (error) => this.#log.debug(0, `a connection to ${this.#path}: ${error.message}`));
    socket.once('close', () => this.#connections.delete(socket));
    new RpcSocket(
      socket,
      (call, args, from) => this.#called(call, args, from),
      (reason) => this.#log.error(0, `closing a connection to ${this.#path}: malformed RPC: ${reason}`),
    );
  }

  #called(call: CallHeader, args: XdrReader, from: RpcSocket): void {
    try {
      from.send(this.#answer(call, args));
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      this.#log.error(0, `${this.#path}: an undecodable request: ${error.reason}`);
      from.send(refusalRecord(call.xid, AcceptStat.garbageArgs));
    }
  }

  #answer(call: CallHeader, args: XdrReader): Buffer {
    if (call.program === DUMP_PROGRAM) return answerDump(call, args, PROGRAMS);
    if (call.program !== PROBE_PROGRAM) return refusalRecord(call.xid, AcceptStat.progUnavail);
    const refusal = refusalOf(call, PROBE_VERSION, ProbeProc.filter + 1);
    if (refusal !== undefined) return refusal;
    if (call.procedure !== ProbeProc.filter) return refusalRecord(call.xid, AcceptStat.procUnavail);
    const { filter, sock } = changelogProbeReq.decode(args);
    const taken = this.#add(filter, sock);
    return replyRecord(call.xid, (w) => changelogProbeRsp.encode(w, { op_ret: taken ? 0 : -1 }));
  }

  #add(filter: number, path: string): boolean {
    if (!path.startsWith('/') || this.#consumers.size >= MAX_CONSUMERS) {
      this.#log.error(0, `a consumer at "${path}" is refused: ${this.#consumers.size} are known`);
      return false;
    }
    const consumer = Consumer.connect(path, filter, this.#log, (ended) => {
      this.#consumers.delete(ended);
      this.#countWanted();
    });
    this.#consumers.add(consumer);
    this.#countWanted();
    return true;
  }

  #countWanted(): void {
    let wanted = 0;
    for (const consumer of this.#consumers) wanted |= consumer.filter;
    this.#wanted = wanted;
  }
}
