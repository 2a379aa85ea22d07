/**
 * Authorization of clients: the auth.addr and auth.login rules of a brick's volfile. Each brick has its own rules
 * object; bricks share nothing.
 */
import { fnmatch } from '../../volfiles/fnmatch.js';
import { listMatches } from './address-list.js';

/** What a client claims, its address, and the identity that its certificate proves. */
export interface AuthRequest {
  brick: string;
  peerAddress: string;
  peerPort: number;
  username: string | undefined;
  password: string | undefined;
  /** Mounted subdirectory; '/' for the whole volume. */
  subdir: string;
  /**
   * Common name of the certificate that the client has proved to own, '' if that has none; null: a connection without TLS. Names that clients claim in
   * their handshake count for nothing.
   */
  tlsName: string | null;
}

export type Verdict = 'accept' | 'reject' | 'dont-care';

export interface AuthResult {
  accepted: boolean;
  /** Logged in by user and password: such clients are trusted, and some are exempt from root squashing. */
  trusted: boolean;
  /** Lines for the log. */
  notes: string[];
}

/** Ports that only root may bind. */
const PRIVILEGED_PORTS_END = 1024;

/** Options of a brick that start with "auth." (and the two that change how they are read). */
export class AuthRules {
  readonly #options: ReadonlyMap<string, string>;
  readonly #allowInsecure: boolean;
  readonly #strict: boolean;
  readonly #tls: boolean;

  /** tls: whether connections must be TLS; else they must be plain. */
  constructor(options: ReadonlyMap<string, string>, allowInsecure: boolean, strict: boolean, tls: boolean) {
    this.#tls = tls;
    this.#options = options;
    this.#allowInsecure = allowInsecure;
    this.#strict = strict;
  }

  async check(request: AuthRequest): Promise<AuthResult> {
    const notes: string[] = [];
    if (this.#tls !== (request.tlsName !== null)) {
      notes.push(this.#tls ? 'the brick takes TLS connections only' : 'the brick takes no TLS connections');
      return { accepted: false, trusted: false, notes };
    }
    const addr = await this.#addr(request, notes);
    const { brick, tlsName } = request;
    // With TLS, user and password decide about trust alone.
    const password = this.#password(request, tlsName === null ? notes : []);
    const login = tlsName === null ? password : this.#certificate(brick, tlsName, notes);
    const accepted = addr !== 'reject' && login !== 'reject' && (addr === 'accept' || login === 'accept');
    return { accepted, trusted: accepted && password === 'accept', notes };
  }

  async #addr(request: AuthRequest, notes: string[]): Promise<Verdict> {
    const { brick } = request;
    const allow = this.#options.get(`auth.addr.${brick}.allow`) ?? this.#options.get(`auth.ip.${brick}.allow`);
    const reject = this.#options.get(`auth.addr.${brick}.reject`);
    if (allow === undefined && reject === undefined) return 'dont-care';
    if (!this.#allowInsecure && request.peerPort >= PRIVILEGED_PORTS_END) {
      notes.push(`client is bound to port ${request.peerPort} which is not privileged`);
      return 'reject';
    }
    if (reject !== undefined && (await listMatches(reject, request, 'rejected', notes))) return 'reject';
    if (allow !== undefined && (await listMatches(allow, request, 'allowed', notes))) return 'accept';
    return 'dont-care';
  }

  /** With a list of names, a TLS client must be on it; without one its certificate opens and closes nothing. */
  #certificate(brick: string, name: string, notes: string[]): Verdict {
    notes.push(`connecting user name: ${name}`);
    const allow = this.#options.get(`auth.login.${brick}.ssl-allow`);
    if (allow === undefined) return 'dont-care';
    notes.push(`allowed user names: ${allow}`);
    return patternsOf(allow).some((pattern) => fnmatch(pattern, name)) ? 'accept' : 'reject';
  }

  #password(request: AuthRequest, notes: string[]): Verdict {
    const { username, password } = request;
    const allow = this.#options.get(`auth.login.${request.brick}.allow`);
    if (username === undefined || password === undefined) return this.#strict ? 'reject' : 'dont-care';
    if (allow === undefined) return 'dont-care';
    notes.push(`allowed user names: ${allow}`);
    if (!patternsOf(allow).some((pattern) => fnmatch(pattern, username))) return this.#strict ? 'reject' : 'dont-care';
    const expected = this.#options.get(`auth.login.${username}.password`);
    if (expected !== undefined && expected === password) return 'accept';
    notes.push(`wrong password for user ${username}`);
    return 'reject';
  }
}

const patternsOf = (list: string): string[] => list.split(/[ ,]+/).filter((pattern) => pattern !== '');
