/** A glusterd as far as a brick speaks with it: volfiles, sign-ins and sign-outs. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { refusalRecord, replyRecord } from '../../../brickd/rpc/rpc-records.js';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import { decodeOldDict } from '../../../mux/wire/dict.js';
import { getspecReq, getspecRsp } from '../../../mux/wire/programs/handshake.js';
import { signinReq, signinRsp, signoutReq, signoutRsp } from '../../../mux/wire/programs/portmap.js';

const NO_BYTES = new Uint8Array(0);

export class FakeGlusterd {
  readonly asked: string[] = [];
  readonly sockets = new Set<Socket>();
  /** By volfile id: text, an errno, or 'drop' to close the connection instead of answering. */
  readonly volfiles = new Map<string, string | number | 'drop'>();
  signInResult = 0;
  /** Sign-ins that are answered by closing the connection. */
  drops = 0;
  readonly server = createServer((socket) => {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    new RpcSocket(
      socket,
      (call, args, rpc) => {
        if (call.program === 14398633) {
          const request = getspecReq.decode(args);
          const dict = decodeOldDict(request.xdata);
          this.asked.push(`getspec ${request.key} ${dict.text('brick_name') ?? '-'} ${dict.number('max-op-version')}`);
          const volfile = this.volfiles.get(request.key) ?? 2;
          if (volfile === 'drop') {
            socket.destroy();
            this.volfiles.set(request.key, 'volume x\nend-volume');
            return;
          }
          const ok = typeof volfile === 'string';
          const answer = ok
            ? { op_ret: volfile.length, op_errno: 0, spec: volfile, xdata: NO_BYTES }
            : { op_ret: -1, op_errno: volfile, spec: '', xdata: NO_BYTES };
          rpc.send(replyRecord(call.xid, (w) => getspecRsp.encode(w, answer)));
        } else if (call.program === 34123456 && call.procedure === 4) {
          const { brick, port, pid } = signinReq.decode(args);
          if (this.drops > 0) {
            this.drops--;
            socket.destroy();
            return;
          }
          this.asked.push(`signin ${brick} ${port} ${pid === process.pid}`);
          rpc.send(replyRecord(call.xid, (w) => signinRsp.encode(w, { op_ret: this.signInResult, op_errno: 0 })));
        } else if (call.program === 34123456 && call.procedure === 5) {
          const { brick, port } = signoutReq.decode(args);
          this.asked.push(`signout ${brick} ${port}`);
          rpc.send(replyRecord(call.xid, (w) => signoutRsp.encode(w, { op_ret: 0, op_errno: 0 })));
        } else rpc.send(refusalRecord(call.xid, 1));
      },
      () => {},
    );
  });
  port = 0;

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }
  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
