/** Replies of the node exporter: metrics of the whole node, its page, and the pages of its processes. */
import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { describeThrown } from '../../../mux/base/fault.js';
import { textLoggerFor } from '../../../mux/base/log.js';
import { head } from '../families/exposition.js';
import { standardMetrics } from '../families/standard.js';
import { targetOf } from '../http/http.js';
import { sendMetrics } from '../http/metrics-reply.js';
import { PAGE_POLICY, pageFile, sendPageFile } from '../http/page-files.js';
import type { RequestListener } from '../process-sockets.js';
import { MergedMetrics } from './metrics-text.js';
import { NODE_FAMILIES } from './node-families.js';
import { nodePage } from './node-page.js';
import type { Node, NodeState } from './node-state.js';

const log = textLoggerFor('metrics');
/** Told by the exporter itself, of every brick. */
const OWN_WORD: ReadonlySet<string> = new Set(['gluster_brick_up', 'gluster_brick_down_info']);
const PROCESS = /^\/process\/([1-9]\d{0,9})(\/.*)$/;
/** Requests of viewers to processes at the same time. */
const MOST_VIEWERS = 64;

export class NodeExporter {
  readonly #node: Node;
  readonly #clusterId: string;
  readonly #standard = standardMetrics();
  #viewers = 0;

  constructor(node: Node, clusterId = '') {
    this.#node = node;
    this.#clusterId = clusterId;
  }

  /** own: the exporter's own metrics only, for a Prometheus that scrapes the processes as well. */
  async *pieces(own: boolean): AsyncGenerator<string> {
    const state = await this.#node.state();
    for (const family of NODE_FAMILIES) {
      const samples = family.samples(state, family.name, this.#clusterId);
      if (samples !== '') yield `${head(family)}${samples}`;
    }
    const merged = new MergedMetrics();
    merged.add(await this.#standard.metrics(), process.pid, () => true, OWN_WORD);
    if (!own) {
      for (const { text, pid } of state.processes) {
        if (text === undefined) continue;
        merged.add(text, pid, (key) => state.owners.get(key) === pid, OWN_WORD);
        // Other requests have their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    for (const { head, samples } of merged.families.values()) {
      if (samples.length > 0) yield `${head}${samples.join('\n')}\n`;
    }
  }

  readonly listener: RequestListener = (request, response) => {
    this.#answer(request, response).catch((thrown: unknown) => {
      if (!request.socket.destroyed) log.error(0, `${request.url}: ${describeThrown(thrown)}`);
      if (response.headersSent) response.destroy();
      else {
        response.writeHead(500, { 'content-type': 'text/plain' });
        response.end('internal error\n');
      }
    });
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, type: string, body: string): void => {
      if (type.startsWith('text/html')) response.setHeader('content-security-policy', PAGE_POLICY);
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? '' : body);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'only GET\n');
    const { path, query } = targetOf(request.url ?? '/');
    if (path === '/metrics') return sendMetrics(this.pieces(query.get('only') === 'node'), request, response);
    if (path === '/healthz/live') return send(200, 'text/plain', 'alive\n');
    if (path === '/healthz' || path === '/healthz/ready') return this.#health(send);
    if (path === '/') return send(200, 'text/html; charset=utf-8', nodePage(await this.#node.state(), hostname()));
    if (path === '/node.json') return send(200, 'application/json', nodeJson(await this.#node.state()));
    const process = PROCESS.exec(path);
    if (process !== null) return this.#forward(Number(process[1]), request, response);
    const file = pageFile(path);
    if (file !== undefined) return sendPageFile(file, request, response);
    send(404, 'text/plain', 'not found: / /metrics /node.json /process/PID/ /healthz /healthz/live /healthz/ready\n');
  }

  async #health(send: (status: number, type: string, body: string) => void): Promise<void> {
    const { bricks, problems } = await this.#node.state();
    const wrong = [
      ...bricks.filter((b) => b.state === 'down').map((b) => `${b.host}:${b.path} of ${b.volume} is down: ${b.reason}`),
      ...problems,
    ];
    if (wrong.length === 0) return send(200, 'text/plain; charset=utf-8', `ok: ${bricks.length} bricks\n`);
    send(503, 'text/plain; charset=utf-8', `${wrong.join('\n')}\n`);
  }

  /** Passes a request on to a process of this node, its page and the stream of its numbers among them. */
  async #forward(pid: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (status: number, text: string): void => {
      if (response.headersSent) {
        response.destroy();
        return;
      }
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(text);
    };
    if (this.#viewers >= MOST_VIEWERS) return refuse(503, 'too many look at this already\n');
    const { accept = '*/*', 'accept-encoding': encoding = 'identity' } = request.headers;
    const path = (request.url ?? '').replace(/^.*?\/process\/\d+/, '');
    const onward = ask({
      socketPath: this.#node.socketOf(pid),
      path,
      method: request.method ?? 'GET',
      headers: { host: 'brickd', accept, 'accept-encoding': encoding },
      agent: false,
    });
    this.#viewers++;
    onward.once('close', () => {
      this.#viewers--;
    });
    response.once('close', () => onward.destroy());
    onward.on('error', (error) => {
      if (!response.destroyed) refuse(502, `process ${pid} does not answer: ${error.message}\n`);
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on('error', () => response.destroy());
      answer.pipe(response);
    });
    onward.end();
  }
}

/** For programs: what the page shows. */
function nodeJson({ nodeId, bricks, processes, problems, unexpected }: NodeState): string {
  return `${JSON.stringify({
    nodeId,
    bricks: bricks.map(({ key: _key, ...b }) => b),
    processes: processes.map(({ pid, text, error, bricks }) => ({
      pid,
      answers: text !== undefined,
      error,
      bricks: bricks.length,
    })),
    unexpected,
    problems,
  })}\n`;
}
