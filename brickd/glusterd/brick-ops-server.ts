/** The unix socket (-S) on which glusterd sends brick operations: connections, programs and replies. */
import { unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { event, loggerFor } from '../../mux/base/log.js';
import {
  BRICK_OP_NAME,
  BRICK_OP_PROGRAM,
  BRICK_OP_VERSION,
  brickOpReq,
  brickOpRsp,
} from '../../mux/wire/programs/mgmt.js';
import { AcceptStat, type CallHeader } from '../../mux/wire/rpc.js';
import { XdrError, type XdrReader } from '../../mux/wire/xdr.js';
import { answerDump, DUMP, DUMP_PROGRAM, refusalOf } from '../rpc/dump-program.js';
import { refusalRecord, replyRecord } from '../rpc/rpc-records.js';
import { RpcSocket } from '../rpc/rpc-socket.js';
import { type Answer, BRICK_OP_COUNT, type BrickOpHandler } from './brick-ops.js';

const log = loggerFor('socket.glusterfsd');

const PROGRAMS = [DUMP, { progname: BRICK_OP_NAME, prognum: BRICK_OP_PROGRAM, progver: BRICK_OP_VERSION }];

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
      (reason) => log.error(0, event('closing a management connection that sends malformed RPC', { reason })),
    );
  }

  #called(call: CallHeader, args: XdrReader, from: RpcSocket): void {
    try {
      if (call.program === BRICK_OP_PROGRAM) this.#brickOp(call, args, from);
      else
        from.send(
          call.program === DUMP_PROGRAM
            ? answerDump(call, args, PROGRAMS)
            : refusalRecord(call.xid, AcceptStat.progUnavail),
        );
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

function answerRecord(xid: number, answer: Answer): Buffer {
  if (answer === 'unavailable') return refusalRecord(xid, AcceptStat.procUnavail);
  if (answer === 'failed') return refusalRecord(xid, AcceptStat.systemErr);
  return replyRecord(xid, (w) => brickOpRsp.encode(w, answer));
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
