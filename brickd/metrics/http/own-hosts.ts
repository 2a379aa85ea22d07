/**
 * Checks the Host header of HTTP requests against this machine's names. Otherwise a web page could resolve a name of
 * its own to this machine (DNS rebinding) and read what is served here.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { Logger } from '../../../mux/base/log.js';

/** Names whose refusal is logged: others can be had for nothing. */
const MOST_LOGGED = 16;

const plain = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** The host of a Host header, without its port; undefined for what is none. */
export function hostOf(header: string): string | undefined {
  const m = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+))(?::\d{1,5})?$/.exec(header);
  return m === null ? undefined : plain(m[1] ?? m[2] ?? '');
}

function readLines(path: string): string[][] {
  try {
    const lines = readFileSync(path, 'latin1').split('\n');
    return lines.map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  } catch {
    return []; // A machine without the file has no names in it.
  }
}

/** Names that this machine has by its own files. */
export function machineNames(files = { hosts: '/etc/hosts', resolv: '/etc/resolv.conf' }): string[] {
  const name = hostname();
  const [short = name] = name.split('.');
  const own = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)));
  const names = ['localhost', name, short];
  for (const [address = '', ...called] of readLines(files.hosts)) {
    if (own.has(address) || address.startsWith('127.') || address === '::1') names.push(...called);
  }
  for (const [key, ...domains] of readLines(files.resolv)) {
    if (key === 'search' || key === 'domain') names.push(...domains.map((domain) => `${short}.${domain}`));
  }
  return names;
}

export class OwnHosts {
  readonly #names: ReadonlySet<string>;
  readonly #logged = new Set<string>();

  /** further: names beside those of the machine. */
  constructor(further: readonly string[]) {
    this.#names = new Set([...machineNames(), ...further].map(plain));
  }

  /** Whether a request with this Host header means this machine. One without, of HTTP/1.0, is no browser's. */
  has(header: string | undefined): boolean {
    if (header === undefined) return true;
    const host = hostOf(header);
    return host !== undefined && (isIP(host) !== 0 || this.#names.has(host));
  }

  /** A line for the first refusal of each name. */
  logOnce(header: string, log: Logger): void {
    if (this.#logged.has(header) || this.#logged.size >= MOST_LOGGED) return;
    this.#logged.add(header);
    log.warning(
      0,
      `a request for metrics calls this machine ${header}: refused, as metrics.hosts does not have that name`,
    );
  }
}
