/** Questions to the running brick processes of this node, asked through the sockets that glusterd asks through. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { BrickOpProc, brickOpReq, brickOpRsp } from '../../mux/wire/programs/mgmt.js';
import { Dict } from '../../mux/xlator/dict.js';
import { type ByteString, bytesOfLatin1, textOfLatin1, textPath } from '../../native/bytes.js';
import { RpcSocket } from '../rpc/rpc-socket.js';
import { brickPids } from './statedump.js';

const WAIT_MS = 5000;
const PROGRAM = { program: 4867634, version: 2, procedure: BrickOpProc.xlatorInfo };

function socketOf(pid: number): ByteString | undefined {
  const args = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  const at = args.findIndex((a) => a === '-S' || a === '--socket-file');
  const path = at < 0 ? args.find((a) => a.startsWith('--socket-file='))?.slice('--socket-file='.length) : args[at + 1];
  return path === undefined ? undefined : bytesOfLatin1(path);
}

/** The answer of one process: JSON, its byte strings made text. */
async function ask(path: ByteString, question: string): Promise<unknown> {
  const socket = connect({ path: textPath(path) });
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const nothing = (): void => {};
    const rpc = new RpcSocket(socket, nothing, nothing);
    const input = new Dict().setText(question, '1');
    const reply = await rpc.call(PROGRAM, brickOpReq, { name: '', op: 0, input, dict: null }, brickOpRsp, WAIT_MS);
    const text = reply.output?.text(question);
    if (reply.op_ret !== 0 || text === undefined) throw new Error(reply.op_errstr || 'no answer to the question');
    return JSON.parse(text, (_, value) => (typeof value === 'string' ? textOfLatin1(value) : value));
  } finally {
    socket.destroy();
  }
}

/** The answers of all brick processes of this node, each by its pid; who does not answer is told of on standard error. */
export async function askAll<T>(question: string): Promise<{ pid: number; answer: T }[]> {
  const answers: { pid: number; answer: T }[] = [];
  for (const pid of brickPids()) {
    const path = socketOf(pid);
    if (path === undefined) continue;
    try {
      answers.push({ pid, answer: (await ask(path, question)) as T });
    } catch (error) {
      process.stderr.write(`brickd: process ${pid} does not answer: ${(error as Error).message}\n`);
    }
  }
  return answers;
}
