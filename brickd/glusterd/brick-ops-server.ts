/** The unix socket (-S) on which glusterd asks brick operations: connections, programs and replies. */
import { unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { event, loggerFor } from '../../mux/base/log.js';
import {
  DUMP_NAME,
  DUMP_PROGRAM,
  DUMP_VERSION,
  DumpProc,
  dumpReq,
  dumpRsp,
  pingRsp,
} from '../../mux/wire/programs/dump.js';
import {
  BRICK_OP_NAME,
  BRICK_OP_PROGRAM,
  BRICK_OP_VERSION,
  brickOpReq,
  brickOpRsp,
} from '../../mux/wire/programs/mgmt.js';
import { AcceptStat, type CallHeader } from '../../mux/wire/rpc.js';
import { XdrError, type XdrReader } from '../../mux/wire/xdr.js';
import { type Answer, BRICK_OP_COUNT, type BrickOpHandler } from './brick-ops.js';
import { refusalRecord, replyRecord } from './rpc-records.js';
import { RpcSocket } from './rpc-socket.js';

const log = loggerFor('socket.glusterfsd');

const PROGRAMS = [
  { progname: DUMP_NAME, prognum: DUMP_PROGRAM, progver: DUMP_VERSION },
  { progname: BRICK_OP_NAME, prognum: BRICK_OP_PROGRAM, progver: BRICK_OP_VERSION },
];

export class BrickOpsServer {
  readonly #handler: BrickOpHandler;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  constructor(handler: BrickOpHandler) {
    this.#handler = handler;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens on the path; a socket that nobody serves any more is replaced. Rejects when the path is in use or unusable. */
  async listen(path: string): Promise<void> {
    try {
      await this.#bind(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || (await answers(path))) throw error;
      unlinkSync(path);
      await this.#bind(path);
    }
  }

  #bind(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ path }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => log.error(0, event('accepting glusterd failed', { error: error.message })));
        resolve();
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('error', (error) => log.debug(0, `connection of glusterd: ${error.message}`));
    socket.once('close', () => this.#connections.delete(socket));
    new RpcSocket(
      socket,
      (call, args, from) => this.#called(call, args, from),
      (reason) => log.error(0, event('closing a management connection: what it sends is no RPC', { reason })),
    );
  }

  #called(call: CallHeader, args: XdrReader, from: RpcSocket): void {
    try {
      if (call.program === BRICK_OP_PROGRAM) this.#brickOp(call, args, from);
      else
        from.send(call.program === DUMP_PROGRAM ? dump(call, args) : refusalRecord(call.xid, AcceptStat.progUnavail));
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      log.error(0, event('undecodable request', { procedure: call.procedure, reason: error.reason }));
      from.send(refusalRecord(call.xid, AcceptStat.garbageArgs));
    }
  }

  #brickOp(call: CallHeader, args: XdrReader, from: RpcSocket): void {
    const { xid, procedure } = call;
    const refusal = refusalOf(call, BRICK_OP_VERSION, BRICK_OP_COUNT);
    if (refusal !== undefined) {
      from.send(refusal);
      return;
    }
    const request = brickOpReq.decode(args);
    this.#handler.run(procedure, request).then(
      (answer) => from.send(answerRecord(xid, answer)),
      (error: unknown) => {
        log.error(0, event('a brick operation failed', { procedure, name: request.name, error: String(error) }));
        from.send(refusalRecord(xid, AcceptStat.systemErr));
      },
    );
  }
}

/** The reply to a call of another version or to a procedure that does not exist. */
function refusalOf(call: CallHeader, version: number, procedures: number): Buffer | undefined {
  if (call.version !== version) return refusalRecord(call.xid, AcceptStat.progMismatch);
  return call.procedure < procedures ? undefined : refusalRecord(call.xid, AcceptStat.procUnavail);
}

function answerRecord(xid: number, answer: Answer): Buffer {
  if (answer === 'unavailable') return refusalRecord(xid, AcceptStat.procUnavail);
  if (answer === 'failed') return refusalRecord(xid, AcceptStat.systemErr);
  return replyRecord(xid, (w) => brickOpRsp.encode(w, answer));
}

const NO_BYTES = new Uint8Array(0);

function dump(call: CallHeader, args: XdrReader): Buffer {
  const { xid, procedure } = call;
  const refusal = refusalOf(call, DUMP_VERSION, DumpProc.ping + 1);
  if (refusal !== undefined) return refusal;
  if (procedure === DumpProc.ping) {
    return replyRecord(xid, (w) => pingRsp.encode(w, { op_ret: 0, op_errno: 0, xdata: NO_BYTES }));
  }
  if (procedure !== DumpProc.dump) return refusalRecord(xid, AcceptStat.procUnavail);
  const { gfs_id } = dumpReq.decode(args);
  return replyRecord(xid, (w) => dumpRsp.encode(w, { gfs_id, op_ret: 0, op_errno: 0, prog: PROGRAMS }));
}

/** True when a process serves the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => resolve((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'));
  });
}
