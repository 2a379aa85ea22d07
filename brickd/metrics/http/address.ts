/**
 * Addresses of the metrics endpoint: `HOST:PORT`, `HOST:FIRST-LAST` (the first free port: several brick processes of a
 * node share a range), both also without a host, which means loopback, or `unix:PATH`.
 */

export type MetricsAddress =
  | { kind: 'tcp'; host: string; first: number; last: number }
  | { kind: 'unix'; path: string };

const LOOPBACK = '127.0.0.1';
/** Stands for the process id in the path of a unix socket. */
const PID = '{pid}';

/** What the system has room for. */
const LONGEST_SOCKET_PATH = 107;

/** The form that addresses have, for messages. */
export const ADDRESS_FORM = '[HOST:]PORT[-LAST] or unix:/PATH';

/** Undefined when the text is not of the form told above. pid: of the process that listens. */
export function listenAddress(text: string, pid: number = process.pid): MetricsAddress | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replaceAll(PID, String(pid));
    const fits = Buffer.byteLength(path) <= LONGEST_SOCKET_PATH;
    return path.startsWith('/') && fits && !path.includes('\0') ? { kind: 'unix', path } : undefined;
  }
  const m = /^(?:(\[[0-9a-fA-F:.]+\]|[^:\s]*):)?(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (m === null) return undefined;
  const first = Number(m[2]);
  const last = m[3] === undefined ? first : Number(m[3]);
  if (first < 1 || last > 65535 || last < first) return undefined;
  const host = (m[1] ?? '').replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host: host === '' ? LOOPBACK : host === '*' ? '0.0.0.0' : host, first, last };
}

/** As an address stands in URLs and lists of targets. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether an address stands for all of the machine's. */
export const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';
