/**
 * Who may use a brick: the auth.addr and auth.login rules of its volfile. Each brick has its own rules object: nothing is
 * shared between bricks.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv4 } from 'node:net';
import { fnmatch } from '../../volfiles/fnmatch.js';

/** What a client says of itself, and where it comes from. */
export interface AuthRequest {
  brick: string;
  peerAddress: string;
  peerPort: number;
  username: string | undefined;
  password: string | undefined;
  /** Mounted sub-directory; '/' for the whole volume. */
  subdir: string;
}

export type Verdict = 'accept' | 'reject' | 'dont-care';

export interface AuthResult {
  accepted: boolean;
  /** By user and password: such clients are trusted (root squashing spares some of them). */
  trusted: boolean;
  /** Lines for the log. */
  notes: string[];
}

/** Options of a brick that start with "auth." (and the two that change how they are read). */
export class AuthRules {
  readonly #options: ReadonlyMap<string, string>;
  readonly #allowInsecure: boolean;
  readonly #strict: boolean;

  constructor(options: ReadonlyMap<string, string>, allowInsecure: boolean, strict: boolean) {
    this.#options = options;
    this.#allowInsecure = allowInsecure;
    this.#strict = strict;
  }

  async check(request: AuthRequest): Promise<AuthResult> {
    const notes: string[] = [];
    const addr = await this.#addr(request, notes);
    const login = this.#login(request, notes);
    const accepted = addr !== 'reject' && login !== 'reject' && (addr === 'accept' || login === 'accept');
    return { accepted, trusted: accepted && login === 'accept', notes };
  }

  async #addr(request: AuthRequest, notes: string[]): Promise<Verdict> {
    const { brick } = request;
    const allow = this.#options.get(`auth.addr.${brick}.allow`) ?? this.#options.get(`auth.ip.${brick}.allow`);
    const reject = this.#options.get(`auth.addr.${brick}.reject`);
    if (allow === undefined && reject === undefined) return 'dont-care';
    if (!this.#allowInsecure && request.peerPort >= 1024) {
      notes.push(`client is bound to port ${request.peerPort} which is not privileged`);
      return 'reject';
    }
    if (reject !== undefined && (await listMatches(reject, request, 'rejected', notes))) return 'reject';
    if (allow !== undefined && (await listMatches(allow, request, 'allowed', notes))) return 'accept';
    return 'dont-care';
  }

  #login(request: AuthRequest, notes: string[]): Verdict {
    const { username, password } = request;
    const allow = this.#options.get(`auth.login.${request.brick}.allow`);
    if (username === undefined || password === undefined) return this.#strict ? 'reject' : 'dont-care';
    if (allow === undefined) return 'dont-care';
    notes.push(`allowed user names: ${allow}`);
    for (const pattern of allow.split(/[ ,]+/)) {
      if (pattern === '' || !fnmatch(pattern, username)) continue;
      const expected = this.#options.get(`auth.login.${username}.password`);
      if (expected !== undefined && expected === password) return 'accept';
      notes.push(`wrong password for user ${username}`);
      return 'reject';
    }
    return this.#strict ? 'reject' : 'dont-care';
  }
}

/** `/dir(a|b),/dir2(c)` or a plain list of addresses. */
async function listMatches(list: string, request: AuthRequest, verb: string, notes: string[]): Promise<boolean> {
  if (!list.startsWith('/') && !list.includes('(')) {
    return anyMatches(list.split(','), request.peerAddress, verb, notes);
  }
  for (const entry of list.split(',')) {
    const m = /^(\/[^(]*)\(([^)]*)\)$/.exec(entry.trim());
    if (m === null) continue;
    const [, directory, addresses = ''] = m;
    if (directory !== request.subdir) continue;
    if (await anyMatches(addresses.split('|'), request.peerAddress, verb, notes)) return true;
  }
  return false;
}

async function anyMatches(patterns: string[], peer: string, verb: string, notes: string[]): Promise<boolean> {
  // Once an entry is negated, so are those after it: as the original reads such lists.
  let negate = false;
  for (const entry of patterns) {
    let pattern = entry.trim();
    if (pattern === '') continue;
    notes.push(`${verb} = "${pattern}", received addr = "${peer}"`);
    if (pattern.startsWith('!')) {
      negate = true;
      pattern = pattern.slice(1);
    }
    if (isIP(pattern) !== 0 || isHostName(pattern)) {
      if (await sameAddress(pattern, peer)) return true;
    } else if (pattern.includes('/')) {
      if (inNetwork(pattern, peer) !== negate) return true;
    } else if (fnmatch(pattern, peer) !== negate) {
      return true;
    }
  }
  return false;
}

function isHostName(s: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(s);
}

async function sameAddress(name: string, peer: string): Promise<boolean> {
  if (name === peer) return true;
  if (isIP(name) !== 0) return false;
  try {
    const all = await lookup(name, { all: true });
    return all.some((a) => a.address === peer);
  } catch {
    return false;
  }
}

function inNetwork(network: string, peer: string): boolean {
  const [address, bits] = network.split('/');
  if (address === undefined || !isIPv4(address) || !isIPv4(peer)) return false;
  const prefix = Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > 32) return false;
  const list = new BlockList();
  list.addSubnet(address, prefix, 'ipv4');
  return list.check(peer, 'ipv4');
}
