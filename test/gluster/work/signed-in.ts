/**
 * Asks glusterd for the port of a brick until it knows one, which is when the brick has signed in: signed-in BRICK.
 * Prints the time, in seconds since 1970.
 */
import { dial } from '../../../brickd/glusterd/dial.js';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import {
  PORTMAP_PROGRAM,
  PORTMAP_VERSION,
  PortmapProc,
  portByBrickReq,
  portByBrickRsp,
} from '../../../mux/wire/programs/portmap.js';

const POLL_MS = 10;
const LIMIT_MS = 20_000;

const brick = process.argv[2] ?? '';
const socket = await dial({ host: '127.0.0.1', port: 24007, transport: 'socket', family: 4, tls: false });
const glusterd = new RpcSocket(
  socket,
  () => {},
  () => {},
);
const procedure = { program: PORTMAP_PROGRAM, version: PORTMAP_VERSION, procedure: PortmapProc.portByBrick };
process.stdout.write('asking\n');
const end = Date.now() + LIMIT_MS;
for (;;) {
  const reply = await glusterd.call(procedure, portByBrickReq, { brick }, portByBrickRsp, 10_000);
  if (reply.op_ret >= 0 && reply.port > 0) break;
  if (Date.now() > end) {
    process.stdout.write('never\n');
    process.exit(1);
  }
  await new Promise((done) => setTimeout(done, POLL_MS));
}
process.stdout.write(`${Date.now() / 1000}\n`);
process.exit(0);
