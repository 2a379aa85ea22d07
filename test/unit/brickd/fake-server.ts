/** A BrickServer without bricks: listens, and remembers what it was asked. */

import { createServer, type Server } from 'node:net';
import type {
  BrickServer,
  BrickSpec,
  DumpSelection,
  ListenOptions,
  ServerState,
  StatusKind,
  StatusValue,
} from '../../../brickd/brick-server.js';
import type { Unapplied } from '../../../mux/brick/brick-facts.js';
import type { BrickSlowFops } from '../../../mux/brick/slow-fops.js';
import type { WorkerStats } from '../../../mux/brick/views/brick-stats.js';
import type { ByteString } from '../../../native/bytes.js';

export class FakeServer implements BrickServer {
  readonly calls: string[] = [];
  readonly specs = new Map<ByteString, BrickSpec>();
  failed: (brick: ByteString, reason: string) => void = () => {};
  /** Errors to reject with, by method name. */
  readonly errors = new Map<string, unknown>();
  #server: Server | null = null;

  #note(what: string): void {
    this.calls.push(what);
    const error = this.errors.get(what.split(' ')[0]!);
    if (error !== undefined) throw error;
  }
  async listen(options: ListenOptions): Promise<{ port: number }> {
    this.#note(`listen ${options.host}:${options.port}/${options.family}`);
    const server = createServer((socket) => socket.on('error', () => {}));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: options.port, backlog: options.backlog }, () => resolve({ port: options.port }));
    });
  }
  async attach(spec: BrickSpec): Promise<void> {
    this.#note(`attach ${spec.brick}`);
    this.specs.set(spec.brick, spec);
  }
  unapplied: readonly Unapplied[] = [];
  async reconfigure(spec: BrickSpec): Promise<readonly Unapplied[]> {
    this.#note(`reconfigure ${spec.brick}`);
    this.specs.set(spec.brick, spec);
    return this.unapplied;
  }
  async detach(brick: ByteString): Promise<void> {
    this.#note(`detach ${brick}`);
    this.specs.delete(brick);
  }
  bricks(): ByteString[] {
    return [...this.specs.keys()];
  }
  finalGraph(brick: ByteString): string {
    return `Final graph: ${brick}`;
  }
  async status(brick: ByteString, what: StatusKind): Promise<Record<string, StatusValue>> {
    this.#note(`status ${brick} ${what}`);
    return { clientcount: 1, 'client0.hostname': '10.0.0.1:49151', 'client0.bytesread': 12345678901n };
  }
  async profile(brick: ByteString, input: Map<string, string>): Promise<Map<string, StatusValue>> {
    this.#note(`profile ${brick} ${[...input].join(';')}`);
    return new Map([['info-op', 1]]);
  }
  async barrier(brick: ByteString, enable: boolean): Promise<void> {
    this.#note(`barrier ${brick} ${enable}`);
  }
  async statedump(selection: DumpSelection): Promise<string> {
    this.#note(`statedump ${JSON.stringify(selection)}`);
    return '\n[active graph - 1]\n';
  }
  async stats(): Promise<WorkerStats[]> {
    return [];
  }
  async slowFops(): Promise<BrickSlowFops[]> {
    return [];
  }
  state(): ServerState {
    return { bricks: [], attaching: 0, attaches: 0, attachFailures: 0, workerFailures: 0 };
  }
  onBrickFailed(report: (brick: ByteString, reason: string) => void): void {
    this.failed = report;
  }
  async close(): Promise<void> {
    this.calls.push('close');
    this.#server?.close();
  }
}
