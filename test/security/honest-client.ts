/** A client that works in a directory of its own, on a thread of its own: what the one beside it does holds up only the server. */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { RawClient, ROOT_KEY, type Who } from '../support/raw-client.js';

const HONEST: Who = { uid: 2000, gid: 2000, pid: 99 };

export interface HonestWork {
  /** What went wrong; empty if nothing did. */
  errors: string[];
  rounds: number;
  slowestMs: number;
  /** The fop that took that long. */
  slowest: string;
}

interface Place {
  port: number;
  brick: string;
  /** gfid of the directory, uid 2000's. */
  directory: string;
}

/** Starts to work; `stop` ends that and tells how it went. */
export function startHonestClient(port: number, brick: string, directory: string): { stop(): Promise<HonestWork> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, brick, directory } satisfies Place });
  const done = new Promise<HonestWork>((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return {
    stop() {
      worker.postMessage('stop');
      return done;
    },
  };
}

class HonestClient implements HonestWork {
  readonly errors: string[] = [];
  slowestMs = 0;
  slowest = '';
  rounds = 0;
  stopping = false;
  readonly #client: RawClient;
  readonly #directory: string;

  constructor(client: RawClient, directory: string) {
    this.#client = client;
    this.#directory = directory;
  }

  async #call(fop: Parameters<RawClient['call']>[0], fields: Record<string, unknown>, payload?: Buffer) {
    const started = performance.now();
    const answer = await this.#client.call(fop, fields, HONEST, payload);
    const took = performance.now() - started;
    if (took > this.slowestMs) {
      this.slowestMs = took;
      this.slowest = fop;
    }
    if (answer.ret < 0) this.errors.push(`${fop}: errno ${answer.errno}`);
    return answer;
  }

  async run(): Promise<void> {
    const data = Buffer.alloc(4096, 0x5a);
    while (!this.stopping) {
      const name = `file${this.rounds % 10}`;
      const made = await this.#client.create(this.#directory, name, 0o600, HONEST);
      const { fd, gfid } = made;
      await this.#call('writev', { gfid, fd, size: data.length }, data);
      const read = await this.#call('readv', { gfid, fd, size: data.length });
      if (!read.payload.equals(data)) this.errors.push(`round ${this.rounds}: other data`);
      await this.#call('lookup', { pargfid: this.#directory, bname: name });
      await this.#call('setxattr', { gfid, dict: null });
      await this.#call('readdirp', { gfid: this.#directory, size: 4096 });
      await this.#call('stat', { gfid: ROOT_KEY });
      await this.#call('release', { gfid, fd });
      await this.#call('unlink', { pargfid: this.#directory, bname: name });
      this.rounds++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

if (parentPort !== null) {
  const { port, brick, directory } = workerData as Place;
  const client = await RawClient.login(port, brick, HONEST);
  const honest = new HonestClient(client, directory);
  parentPort.once('message', () => {
    honest.stopping = true;
  });
  await honest.run().catch((error: unknown) => void honest.errors.push(String(error)));
  client.end();
  const { errors, rounds, slowestMs, slowest } = honest;
  parentPort.postMessage({ errors, rounds, slowestMs, slowest } satisfies HonestWork);
}
