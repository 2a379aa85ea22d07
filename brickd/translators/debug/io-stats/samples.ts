/** Samples of fops: every so many one is kept with its time, latency and caller, in a ring that is written out now and then. */
import { lookupService } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import type { Call } from '../../../../mux/xlator/call.js';
import { FOPS } from '../../../../mux/xlator/fop-table.js';
import { FOP_DISPLAY } from './fop-names.js';

/** A sample that is kept. */
interface Sample {
  fop: number;
  /** Milliseconds on the process's clock, as performance.now() gave them. */
  startedAt: number;
  /** Nanoseconds. */
  ns: number;
  uid: number;
  gid: number;
  /** address:port of the client. */
  peer: string;
}

/** Names of addresses that are remembered at most. */
const NAMES_LIMIT = 1000;

const PRIORITIES: string[] = [];
for (const { internal, priority } of FOPS) PRIORITIES[internal] = priority.toUpperCase();

export class Samples {
  readonly #every: number;
  readonly #size: number;
  #ring: Sample[] = [];
  #next = 0;
  #seen = 0;

  /** every: one of so many fops is kept; size: of the ring. */
  constructor(every: number, size: number) {
    this.#every = every;
    this.#size = size;
  }

  is(every: number, size: number): boolean {
    return this.#every === every && this.#size === size;
  }

  observe(fop: number, startedAt: number, ns: number, call: Call): void {
    if (this.#seen++ % this.#every !== 0) return;
    this.#ring[this.#next] = { fop, startedAt, ns, uid: call.uid, gid: call.gid, peer: call.client.peer };
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1;
  }

  /** All samples that were not taken yet, oldest first. */
  take(): Sample[] {
    const ring = this.#ring;
    const oldest = ring.length === this.#size ? this.#next : 0;
    this.#ring = [];
    this.#next = 0;
    return oldest === 0 ? ring : [...ring.slice(oldest), ...ring.slice(0, oldest)];
  }
}

/** Host names of addresses, remembered for as long as the option `ios-dnscache-ttl-sec` says. */
export class CallerNames {
  readonly #known = new Map<string, { name: string; until: number }>();

  async of(address: string, ttlSec: number): Promise<string> {
    const known = this.#known.get(address);
    if (known !== undefined && known.until > Date.now()) return known.name;
    if (this.#known.size >= NAMES_LIMIT) this.#known.clear();
    const name = await lookupService(address, 0).then(
      ({ hostname }) => hostname,
      () => address,
    );
    this.#known.set(address, { name, until: Date.now() + ttlSec * 1000 });
    return name;
  }
}

/** Names by number, of a file as /etc/passwd. */
async function namesOf(path: string): Promise<Map<number, string>> {
  const text = await readFile(path, 'latin1').catch(() => '');
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name && id && !names.has(Number(id))) names.set(Number(id), name);
  }
  return names;
}

/** A line for each sample: time, priority, fop, latency (ns), brick, instance, user, group, host and port of the caller. */
export async function sampleLines(
  samples: Sample[],
  brick: string,
  hosts: CallerNames,
  ttlSec: number,
): Promise<string> {
  if (samples.length === 0) return '';
  const users = await namesOf('/etc/passwd');
  const groups = await namesOf('/etc/group');
  let text = '';
  for (const { fop, startedAt, ns, uid, gid, peer } of samples) {
    const colon = peer.lastIndexOf(':');
    const host = colon < 0 ? 'Unknown' : await hosts.of(peer.slice(0, colon), ttlSec);
    const port = colon < 0 ? 'Unknown' : peer.slice(colon + 1);
    const seconds = ((performance.timeOrigin + startedAt) / 1000).toFixed(6);
    const what = `${PRIORITIES[fop] ?? 'NORMAL'},${FOP_DISPLAY[fop]},${ns},${brick},N/A`;
    text += `${seconds},${what},${users.get(uid) ?? uid},${groups.get(gid) ?? gid},${host},${port}\n`;
  }
  return text;
}
