/**
 * The context that TLS connections begin with. There is one port for all bricks, and the brick of a connection is known only after its
 * TLS handshake: so one context serves all that the bricks ask for, their profiles, and notes which of them a connection meets.
 *
 * The files of certificates are looked at for each connection, as their owners expect: what was renewed is in effect for the next one.
 */
import { openSync } from 'node:fs';
import { addon, type NativeTlsContext } from '../../native/addon.js';
import { defined } from '../../native/assert.js';
import type { Logger } from '../base/log.js';
import { contentsOf, type ProfileContents, pathsOf, signatureOf } from './profile-files.js';
import { type SecureAccess, secureAccess } from './secure-access.js';
import type { TlsProfile } from './tls-profile.js';

/** Profiles that a context can tell apart; more volumes of one process hardly ask for TLS in as many different ways. */
const MOST_PROFILES = 32;

export class TlsContext {
  readonly native: NativeTlsContext;
  readonly #keys: readonly string[];

  constructor(native: NativeTlsContext, keys: readonly string[]) {
    this.native = native;
    this.#keys = keys;
  }

  /** Whether a connection that meets these profiles (bits) is one as that profile wants it. */
  isMet(profile: TlsProfile, met: number): boolean {
    const at = this.#keys.indexOf(profile.key);
    return at >= 0 && ((met >>> at) & 1) === 1;
  }
}

interface Made {
  signature: string;
  /** An Error: it can't be made of what is there. */
  result: TlsContext | Error;
}

export class TlsContexts {
  readonly #profiles: () => Iterable<TlsProfile>;
  readonly #log: () => Logger;
  readonly #managementAccess: () => Promise<SecureAccess | null>;
  #made: Made | null = null;
  #running: Promise<TlsContext> | null = null;
  /** Begins when the running one has ended: whoever asks meanwhile may have seen files that the running one has not. */
  #next: Promise<TlsContext> | null = null;

  /** profiles: of the bricks that are served now; those that are the same may come more than once. */
  constructor(profiles: () => Iterable<TlsProfile>, log: () => Logger, managementAccess = () => secureAccess()) {
    this.#profiles = profiles;
    this.#log = log;
    this.#managementAccess = managementAccess;
  }

  /** The context as the files are now. Rejects with an Error that says what keeps it from being made. */
  current(): Promise<TlsContext> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#run();
    const begin = (): Promise<TlsContext> => {
      this.#next = null;
      return this.#run();
    };
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  #run(): Promise<TlsContext> {
    this.#running = this.#refresh().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #refresh(): Promise<TlsContext> {
    const asked = [...new Map([...this.#profiles()].map((p) => [p.key, p])).values()].slice(0, MOST_PROFILES);
    if (asked.length === 0) throw new Error('no brick here takes TLS connections: server.ssl is off');
    // Where management uses TLS, its depth holds for bricks, too, whatever their options say: as with stock.
    const management = await this.#managementAccess();
    const profiles = management === null ? asked : asked.map((p) => ({ ...p, depth: management.depth }));
    const paths = await Promise.all(profiles.map(pathsOf));
    const signatures = await Promise.all(paths.map(signatureOf));
    const signature = JSON.stringify([profiles.map((p) => [p.key, p.depth]), signatures]);
    if (this.#made?.signature !== signature) {
      const contents = await Promise.all(paths.map(contentsOf)).catch((error: Error) => error);
      this.#made = { signature, result: contents instanceof Error ? contents : this.#make(profiles, contents) };
    }
    const { result } = this.#made;
    if (result instanceof Error) throw result;
    return result;
  }

  #make(profiles: TlsProfile[], contents: ProfileContents[]): TlsContext | Error {
    const wanted = contents.map((files, i) => {
      const { depth, ciphers, curve } = defined(profiles[i], 'each profile has contents');
      return { depth, ciphers, curve, ...files };
    });
    const { context, problem, notes } = addon.tlsContext(wanted, keyLog(this.#log()));
    for (const note of notes) this.#log().error(0, `TLS: ${note}`);
    if (context === null) return new Error(problem);
    return new TlsContext(
      context,
      profiles.map((p) => p.key),
    );
  }
}

let keyLogDescriptor: number | null = null;

/**
 * Descriptor of the file that $SSLKEYLOGFILE names, by which a packet analyser reads what was encrypted; -1: there is none. Opened
 * once, at the first TLS connection: a brick that is debugged may wait for that.
 */
function keyLog(log: Logger): number {
  if (keyLogDescriptor !== null) return keyLogDescriptor;
  const path = process.env['SSLKEYLOGFILE'];
  keyLogDescriptor = -1;
  if (path === undefined || path === '') return -1;
  try {
    keyLogDescriptor = openSync(path, 'a', 0o600);
    log.warning(0, `keys of TLS connections are written to ${path}: whoever reads it reads the connections`);
  } catch (error) {
    log.error(0, `keys of TLS connections can't be written to ${path}: ${(error as Error).message}`);
  }
  return keyLogDescriptor;
}
