/**
 * Finds the tenant of a fop: the first rule of the volume that matches its client, its credentials or its directory.
 */
import { BlockList, isIP } from 'node:net';
import { defined } from '../../native/assert.js';
import { fnmatch } from '../../volfiles/fnmatch.js';
import type { Match, TenantRule } from './rules.js';

/** What stays the same for all fops of a connection. */
export interface ClientTraits {
  /** IP address of the peer. */
  address: string;
  /** process-uuid and process name, as the client tells them. */
  uid: string;
  processName: string;
  /** User of auth.login; undefined if it sent none. */
  user: string | undefined;
  /** Mounted subdirectory; '/' or '' for the whole volume. */
  subdir: string;
}

/** What differs from fop to fop. */
export interface FopCaller {
  pid: number;
  uid: number;
  gid: number;
}

/** Adds an address or network; false if it is neither. */
export function addNetwork(list: BlockList, text: string): boolean {
  const [address = '', bits] = text.split('/', 2);
  const family = isIP(address);
  if (family === 0) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  if (bits === undefined) {
    list.addAddress(address, kind);
    return true;
  }
  const prefix = /^\d+$/.test(bits) ? Number(bits) : -1;
  if (prefix < 0 || prefix > (family === 4 ? 32 : 128)) return false;
  list.addSubnet(address, prefix, kind);
  return true;
}

/** A rule that this connection's fops may fit. Null conditions fit always. */
interface Candidate {
  readonly index: number;
  readonly pids: readonly number[] | null;
  readonly uids: readonly number[] | null;
  readonly gids: readonly number[] | null;
  readonly dirs: readonly string[] | null;
}

const sameDirectory = (a: string, b: string): boolean => trimmed(a) === trimmed(b);
const trimmed = (path: string): string => path.replace(/^\/+|\/+$/g, '');

function staticFits(match: Match, networks: BlockList | null, c: ClientTraits): boolean {
  if (networks !== null) {
    const family = isIP(c.address);
    if (family === 0 || !networks.check(c.address, family === 4 ? 'ipv4' : 'ipv6')) return false;
  }
  if (match.process && !match.process.some((p) => fnmatch(p, c.uid) || fnmatch(p, c.processName))) return false;
  if (match.user && !match.user.some((u) => u === c.user)) return false;
  return match.subdir === undefined || match.subdir.some((d) => sameDirectory(d, c.subdir));
}

/** The rules of a volume, ready to be asked. */
export class Classifier {
  readonly #rules: readonly TenantRule[];
  readonly #networks: readonly (BlockList | null)[];

  constructor(rules: readonly TenantRule[]) {
    this.#rules = rules;
    this.#networks = rules.map((rule) => {
      if (rule.match?.client === undefined) return null;
      const list = new BlockList();
      for (const network of rule.match.client) addNetwork(list, network);
      return list;
    });
  }

  /** The rules as far as they are open for one connection. */
  forClient(client: ClientTraits): ClientClassifier {
    const open: Candidate[] = [];
    for (const [index, { match }] of this.#rules.entries()) {
      if (match !== null && !staticFits(match, this.#networks[index] ?? null, client)) continue;
      const candidate = {
        index,
        pids: match?.pid ?? null,
        uids: match?.uid ?? null,
        gids: match?.gid ?? null,
        dirs: match?.dir ?? null,
      };
      open.push(candidate);
      if (!candidate.pids && !candidate.uids && !candidate.gids && !candidate.dirs) break;
    }
    return new ClientClassifier(open);
  }
}

export class ClientClassifier {
  readonly #open: readonly Candidate[];
  readonly #byDirectory: boolean;
  // The answer before, as most fops of a connection have the same caller.
  #pid = Number.NaN;
  #uid = 0;
  #gid = 0;
  #answer = 0;

  constructor(open: readonly Candidate[]) {
    this.#open = open;
    this.#byDirectory = open.some((c) => c.dirs !== null);
  }

  /** Index of the first rule that fits. directory: finds the name of the top-level directory, null if it is not known. */
  tenant(caller: FopCaller, directory: () => string | null): number {
    if (this.#byDirectory) return this.#find(caller, directory);
    if (caller.pid !== this.#pid || caller.uid !== this.#uid || caller.gid !== this.#gid) {
      this.#answer = this.#find(caller, directory);
      this.#pid = caller.pid;
      this.#uid = caller.uid;
      this.#gid = caller.gid;
    }
    return this.#answer;
  }

  #find(caller: FopCaller, directory: () => string | null): number {
    let dir: string | null | undefined;
    for (const c of this.#open) {
      if (c.pids !== null && !c.pids.includes(caller.pid)) continue;
      if (c.uids !== null && !c.uids.includes(caller.uid)) continue;
      if (c.gids !== null && !c.gids.includes(caller.gid)) continue;
      if (c.dirs !== null) {
        if (dir === undefined) dir = directory();
        if (dir === null || !c.dirs.includes(dir)) continue;
      }
      return c.index;
    }
    // The last rule takes everything.
    return defined(this.#open.at(-1), 'the last rule of a volume takes everything').index;
  }
}
