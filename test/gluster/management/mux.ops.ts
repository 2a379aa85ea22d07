/**
 * Sends brick operations to a brick process as glusterd does, all at once over one connection, and tells the answers:
 *
 *   node mux.ops.js SOCKET < lines of `attach VOLFILE`, `terminate BRICK` or `barrier:enable BRICK` (or `barrier:disable`)
 *
 * prints a line `attach VOLFILE: RET ERRSTR` for each in the order of the answers, then how many were asked and answered.
 * An operation that gets no answer in time is told as such.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import { brickOpReq, brickOpRsp } from '../../../mux/wire/programs/mgmt.js';
import { Dict } from '../../../mux/xlator/dict.js';

const PROCEDURES = new Map([
  ['terminate', 1],
  ['barrier', 10],
  ['attach', 12],
]);
const TIMEOUT_MS = 90_000;

const path = process.argv[2]!;
const lines: string[] = [];
for await (const line of createInterface({ input: process.stdin })) if (line !== '') lines.push(line);

const socket = connect({ path });
await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
const rpc = new RpcSocket(
  socket,
  () => {},
  (fault) => console.log(`fault: ${fault}`),
);
let answered = 0;
await Promise.all(
  lines.map(async (line) => {
    const [words = '', name = ''] = line.split(' ');
    const [word = '', value] = words.split(':');
    const procedure = PROCEDURES.get(word)!;
    const input = value === undefined ? null : new Dict().setText(word, value);
    const request = { name, op: procedure, input, dict: null };
    try {
      const reply = await rpc.call(
        { program: 4867634, version: 2, procedure },
        brickOpReq,
        request,
        brickOpRsp,
        TIMEOUT_MS,
      );
      answered++;
      console.log(`${line}: ${reply.op_ret} ${reply.op_errstr}`);
    } catch (error) {
      console.log(`${line}: ${(error as Error).message}`);
    }
  }),
);
console.log(`asked ${lines.length} answered ${answered}`);
socket.destroy();
