/**
 * Resolves host names. Concurrent callers share one lookup, results are cached for a moment, and when the name service
 * does not answer, the last result is used: an outage of DNS must not lock out clients that a rule names.
 */
import { lookup } from 'node:dns/promises';
import { withinMs } from './within.js';

/** How long an answer is used before the name is looked up again. */
const FRESH_MS = 2_000;
/** How long a lookup is waited for: a name server that is away may take half a minute to be given up. */
const LOOKUP_MS = 8_000;
/** Names come from volfiles; those of earlier ones make room. */
const MAX_NAMES = 1024;

export interface HostAddresses {
  addresses: readonly string[];
  /** Why the addresses are none or old ones; '' if they are new. */
  problem: string;
}

interface KnownHost {
  addresses: readonly string[];
  at: number;
}

/** Looks a name up. Rejects with a system error whose `code` is ENOTFOUND when there is no such name. */
export type HostLookup = (name: string) => Promise<string[]>;

const systemLookup: HostLookup = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

export class HostNames {
  readonly #lookup: HostLookup;
  readonly #limitMs: number;
  readonly #known = new Map<string, KnownHost>();
  readonly #inFlight = new Map<string, Promise<HostAddresses>>();

  constructor(lookUp: HostLookup = systemLookup, limitMs = LOOKUP_MS) {
    this.#lookup = lookUp;
    this.#limitMs = limitMs;
  }

  /** Never rejects. */
  async addresses(name: string): Promise<HostAddresses> {
    const known = this.#known.get(name);
    if (known !== undefined && Date.now() - known.at < FRESH_MS) return { addresses: known.addresses, problem: '' };
    const shared = this.#inFlight.get(name) ?? this.#start(name);
    if (await withinMs(shared, this.#limitMs)) return shared;
    return { addresses: known?.addresses ?? [], problem: `no answer within ${this.#limitMs / 1000} s` };
  }

  #start(name: string): Promise<HostAddresses> {
    const started = this.#lookUp(name).finally(() => this.#inFlight.delete(name));
    this.#inFlight.set(name, started);
    return started;
  }

  async #lookUp(name: string): Promise<HostAddresses> {
    try {
      const addresses = await this.#lookup(name);
      this.#remember(name, addresses);
      return { addresses, problem: '' };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOTFOUND') this.#known.delete(name);
      return { addresses: this.#known.get(name)?.addresses ?? [], problem: message };
    }
  }

  #remember(name: string, addresses: readonly string[]): void {
    this.#known.delete(name);
    this.#known.set(name, { addresses, at: Date.now() });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_NAMES) break;
      this.#known.delete(oldest);
    }
  }
}

/** Those of this thread. */
export const hostNames = new HostNames();
