/** The answer to a scrape: as text or OpenMetrics, compressed or not, whichever the scraper prefers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** How much a header such as Accept wants something, 0 to 1. names: in the order in which they are looked for. */
export function weightOf(header: string, ...names: string[]): number {
  const weights = new Map<string, number>();
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((p) => p.trim().toLowerCase());
    const q = parameters.find((p) => p.startsWith('q='))?.slice(2);
    const weight = q === undefined ? 1 : Number(q);
    if (name !== '' && weight >= 0 && weight <= 1) weights.set(name, Math.max(weight, weights.get(name) ?? 0));
  }
  for (const name of names) {
    const weight = weights.get(name);
    if (weight !== undefined) return weight;
  }
  return 0;
}

const HEAD = /^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm;

/** Text of Prometheus's format, of whole lines, as OpenMetrics: its counters are called by what comes before "_total". */
export function asOpenMetrics(text: string): string {
  return text.replaceAll(/^\n+|(?<=\n)\n+/g, '').replaceAll(HEAD, (_all, name: string, help: string, type: string) => {
    const family = type === 'counter' ? name.replace(/_total$/, '') : name;
    const kind = type === 'untyped' ? 'unknown' : type;
    return `# HELP ${family} ${help.replaceAll('"', '\\"')}\n# TYPE ${family} ${kind}`;
  });
}

async function* openMetrics(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const piece of pieces) {
    const text = asOpenMetrics(piece);
    if (text !== '') yield text;
  }
  yield '# EOF\n';
}

/** Sends metrics piece by piece. pieces: whole lines; the head of a metric is never torn apart. */
export async function sendMetrics(
  pieces: AsyncIterable<string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { accept = '', 'accept-encoding': encodings } = request.headers;
  const asText = weightOf(accept, 'text/plain', 'text/*', '*/*');
  const open = weightOf(accept, 'application/openmetrics-text') > asText;
  // The threads of zlib are none that bricks use.
  const compress = weightOf(String(encodings ?? ''), 'gzip', '*') > 0;
  response.writeHead(200, {
    'content-type': open ? OPEN_METRICS : TEXT,
    'cache-control': 'no-store',
    vary: 'accept, accept-encoding',
    ...(compress ? { 'content-encoding': 'gzip' } : {}),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const text = Readable.from(open ? openMetrics(pieces) : pieces);
  if (compress) await pipeline(text, createGzip({ level: 1 }), response);
  else await pipeline(text, response);
}
