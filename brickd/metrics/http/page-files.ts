/**
 * Serves the files of the status page: text and style from the source folder, scripts as compiled, charts from the
 * package uplot. The browser is told to load nothing from elsewhere.
 */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** This file runs as dist/brickd/metrics/http/page-files.js. */
const SOURCE = new URL('../../../../brickd/metrics/page/', import.meta.url);
const COMPILED = new URL('../page/', import.meta.url);
export const PAGE_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const HTML = 'text/html; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const SCRIPTS = ['main', 'charts', 'heatmap', 'table', 'tables', 'units'];

export interface PageFile {
  type: string;
  /** Where it is on disk: found when it is first asked for. */
  path(): string;
}

const uplot = (name: string) => (): string => createRequire(import.meta.url).resolve(`uplot/dist/${name}`);
const at = (name: string, folder: URL) => (): string => fileURLToPath(new URL(name, folder));

/** By path of the request: nothing else is ever read. */
const FILES = new Map<string, PageFile>([
  ['/', { type: HTML, path: at('index.html', SOURCE) }],
  ['/page/style.css', { type: STYLE, path: at('style.css', SOURCE) }],
  ['/page/icon.svg', { type: 'image/svg+xml', path: at('icon.svg', SOURCE) }],
  ['/page/uplot.css', { type: STYLE, path: uplot('uPlot.min.css') }],
  ['/page/uplot.js', { type: SCRIPT, path: uplot('uPlot.esm.js') }],
  ...SCRIPTS.map((name): [string, PageFile] => [
    `/page/${name}.js`,
    { type: SCRIPT, path: at(`${name}.js`, COMPILED) },
  ]),
]);

export const PAGE_PATHS: readonly string[] = [...FILES.keys()];

/** Undefined for paths that are none of the page's. */
export const pageFile = (path: string): PageFile | undefined => FILES.get(path);

const compress = promisify(gzip);

/** Rejects with the error of the file system when the file is not there. */
export async function sendPageFile(file: PageFile, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await readFile(file.path());
  const small = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const body = small ? await compress(text) : text;
  // Whoever runs the server may have set a policy of their own.
  if (!response.hasHeader('content-security-policy')) response.setHeader('content-security-policy', PAGE_POLICY);
  response.writeHead(200, {
    'content-type': file.type,
    'content-length': body.length,
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(small ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
