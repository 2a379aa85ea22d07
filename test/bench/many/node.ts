/**
 * A node with many bricks and no glusterd: one brick process, started and told what to do the way glusterd does it, with
 * bricks made by the hundred.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setAttributeSync } from 'fs-xattr';
import { NODE_FLAGS } from '../../../brickd/node-flags.js';
import { RpcSocket } from '../../../brickd/rpc/rpc-socket.js';
import {
  BRICK_OP_PROGRAM,
  BRICK_OP_VERSION,
  BrickOpProc,
  type BrickOpRsp,
  brickOpReq,
  brickOpRsp,
} from '../../../mux/wire/programs/mgmt.js';
import type { Dict } from '../../../mux/xlator/dict.js';
import { serverCpuUs } from '../measure.js';
import { type ManyBrick, volfileOf } from './volfile.js';

/** glusterd gives up on a brick operation after ten minutes; a brick that takes this long is as good as hung. */
const OPERATION_LIMIT_MS = 60_000;
const STOCK = '/usr/sbin/glusterfsd';
const START_TRIES = 300;
const START_PAUSE_MS = 20;

export interface NodeOptions {
  /** Folder for everything, on a file system with trusted xattrs. */
  folder: string;
  /** The main module of brickd, run by the same Node; or "stock". */
  program: string;
  port: number;
  /** Variables beyond the own ones. */
  env?: Record<string, string>;
  /** Further arguments of Node. */
  nodeFlags?: string[];
}

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export class ManyNode {
  readonly #options: NodeOptions;
  readonly #child: ChildProcess;
  readonly #socketFile: string;
  #rpc: RpcSocket | null = null;
  /** Exit code or signal, once the process has ended. */
  ended: number | string | null = null;

  private constructor(options: NodeOptions, child: ChildProcess, socketFile: string) {
    this.#options = options;
    this.#child = child;
    this.#socketFile = socketFile;
    child.once('exit', (code, signal) => {
      this.ended = code ?? signal ?? 'gone';
    });
  }

  /** Makes the roots and volfiles of bricks numbered `from` to `to - 1`. */
  static makeBricks(folder: string, from: number, to: number): ManyBrick[] {
    const bricks: ManyBrick[] = [];
    mkdirSync(`${folder}/vol`, { recursive: true });
    for (let i = from; i < to; i++) {
      const brick = { volume: `many${i}`, directory: `${folder}/brick${i}`, volumeId: randomUUID() };
      // Made by glusterd when it makes a volume.
      mkdirSync(`${brick.directory}/.glusterfs/indices`, { recursive: true, mode: 0o700 });
      const id = Buffer.from(brick.volumeId.replaceAll('-', ''), 'hex');
      setAttributeSync(brick.directory, 'trusted.glusterfs.volume-id', id);
      writeFileSync(volfileFile(folder, brick), volfileOf(brick));
      bricks.push(brick);
    }
    return bricks;
  }

  /** Starts the process with its first brick; resolves when it answers brick operations. */
  static async start(options: NodeOptions, first: ManyBrick): Promise<ManyNode> {
    const { folder, program, port } = options;
    const socketFile = `${folder}/node.socket`;
    const log = openSync(`${folder}/node.out`, 'a');
    const args = [
      ...['-N', '-f', volfileFile(folder, first), '-S', socketFile, '-p', `${folder}/node.pid`],
      ...['-l', `${folder}/node.log`, '--brick-name', first.directory, '--process-name', 'brick', '--brick-mux'],
      ...['--brick-port', String(port), '--xlator-option', `${first.volume}-server.listen-port=${port}`],
    ];
    const stock = program === 'stock';
    const child = spawn(
      stock ? STOCK : process.execPath,
      stock ? args : [...NODE_FLAGS, ...(options.nodeFlags ?? []), program, ...args],
      { argv0: 'glusterfsd', stdio: ['ignore', log, log], env: { ...process.env, ...options.env } },
    );
    const node = new ManyNode(options, child, socketFile);
    await node.#dial();
    await node.#up(port);
    return node;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Processor time that the process has used, milliseconds. */
  cpuMs(): number {
    return serverCpuUs(this.pid) / 1000;
  }

  async #dial(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const socket = connect({ path: this.#socketFile });
      const ready = await Promise.race([
        once(socket, 'connect').then(() => true),
        once(socket, 'close').then(() => false),
      ]).catch(() => false);
      if (ready) {
        this.#rpc = new RpcSocket(
          socket,
          () => {},
          () => {},
        );
        return;
      }
      if (tries > START_TRIES || this.ended !== null)
        throw new Error(`the brick process does not come up (${this.ended})`);
      await pause(START_PAUSE_MS);
    }
  }

  /** Waits for the port: the process answers operations a little earlier. */
  async #up(port: number): Promise<void> {
    for (let tries = 0; ; tries++) {
      const probe = connect({ port, host: '127.0.0.1' });
      const open = await Promise.race([
        once(probe, 'connect').then(() => true),
        once(probe, 'close').then(() => false),
      ]).catch(() => false);
      probe.destroy();
      if (open) return;
      if (tries > START_TRIES || this.ended !== null)
        throw new Error(`no brick process on port ${port} (${this.ended})`);
      await pause(START_PAUSE_MS);
    }
  }

  operation(procedure: number, name: string, input: Dict | null = null): Promise<BrickOpRsp> {
    const to = { program: BRICK_OP_PROGRAM, version: BRICK_OP_VERSION, procedure };
    return this.#rpc!.call(to, brickOpReq, { name, op: 0, input, dict: null }, brickOpRsp, OPERATION_LIMIT_MS);
  }

  async attach(brick: ManyBrick): Promise<void> {
    const answer = await this.operation(BrickOpProc.attach, volfileFile(this.#options.folder, brick));
    if (answer.op_ret !== 0) throw new Error(`attach of ${brick.directory}: ${answer.op_errstr}`);
  }

  async detach(brick: ManyBrick): Promise<void> {
    const answer = await this.operation(BrickOpProc.terminate, brick.directory);
    if (answer.op_ret !== 0) throw new Error(`detach of ${brick.directory}: ${answer.op_errstr}`);
  }

  async stop(): Promise<void> {
    if (this.ended !== null) return;
    this.#child.kill('SIGTERM');
    await Promise.race([once(this.#child, 'exit'), pause(20_000)]);
    if (this.ended === null) this.#child.kill('SIGKILL');
  }
}

export const volfileFile = (folder: string, brick: ManyBrick): string => `${folder}/vol/${brick.volume}.vol`;
