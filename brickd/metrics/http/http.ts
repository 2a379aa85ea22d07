/** Routes of the HTTP endpoint: `/metrics` for Prometheus, `/` for the status page, `/healthz` for supervisors. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describeThrown } from '../../../mux/base/fault.js';
import { loggerFor } from '../../../mux/base/log.js';
import { Metrics, type MetricsOptions, type StatsSource } from '../families/registry.js';
import { Live } from '../live/live.js';
import { alive, type HealthReport, healthy, ready } from './health.js';
import { sendMetrics } from './metrics-reply.js';
import { pageFile, sendPageFile } from './page-files.js';

const log = loggerFor('metrics');

/** Answers the requests of an endpoint. */
export function responder(
  source: StatsSource,
  options: MetricsOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const metrics = new Metrics(source, options);
  const live = new Live(source);
  return (request, response) => {
    answer(source, metrics, live, request, response).catch((error: unknown) => {
      if (!request.socket.destroyed) log.error(0, `${request.url}: ${describeThrown(error)}`);
      // What has been begun must not look complete.
      if (response.headersSent) {
        response.destroy();
        return;
      }
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.end('internal error\n');
    });
  };
}

async function answer(
  source: StatsSource,
  metrics: Metrics,
  live: Live,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, type: string, body: string): void => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? '' : body);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'only GET\n');
  const { path, query } = targetOf(request.url ?? '/');
  const tell = ({ status, text }: HealthReport): void => send(status, 'text/plain; charset=utf-8', text);
  if (path === '/metrics') return sendMetrics(metrics.pieces(), request, response);
  if (path === '/healthz') return tell(await healthy(source));
  if (path === '/healthz/live') return tell(alive());
  if (path === '/healthz/ready') return tell(await ready(source));
  if (path === '/live') {
    if (request.method === 'HEAD') return send(200, 'text/event-stream; charset=utf-8', '');
    if (live.add(response, query.get('brick') ?? '')) return;
    return send(503, 'text/plain', 'too many look at this already\n');
  }
  const file = pageFile(path);
  if (file !== undefined) return sendPageFile(file, request, response);
  return send(404, 'text/plain', 'not found: / /live /metrics /healthz /healthz/live /healthz/ready\n');
}

/**
 * Path and query of a request. Any text has them: `//` is a path like others, not the start of a host. A proxy's form, with scheme and
 * host, is understood too.
 */
export function targetOf(url: string): { path: string; query: URLSearchParams } {
  const start = url.startsWith('/') ? 0 : (/^https?:\/\/[^/?]*/i.exec(url)?.[0].length ?? 0);
  const mark = url.indexOf('?', start);
  const path = url.slice(start, mark < 0 ? url.length : mark);
  return { path: path === '' ? '/' : path, query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) };
}
