/**
 * Address lists as auth.allow and auth.reject have them: addresses, networks, host names and shell patterns, for the
 * whole volume (`10.1.*,10.2.0.0/16,backup`) or for the directory that a client mounts
 * (`/dir(10.1.*|backup),/other(*)`).
 */
import { BlockList, isIP } from 'node:net';
import { fnmatch } from '../../volfiles/fnmatch.js';
import { hostNames } from '../base/host-names.js';

/** Where a client comes from, and what it mounts. */
export interface ClientOrigin {
  readonly peerAddress: string;
  /** Mounted subdirectory; '/' for the whole volume. */
  readonly subdir: string;
}

/** verb: what matching an entry means, for the log. */
export async function listMatches(list: string, client: ClientOrigin, verb: string, notes: string[]): Promise<boolean> {
  const forms = formsOf(client.peerAddress);
  const matches = (entries: string[]): Promise<boolean> => anyMatches(entries, forms, verb, notes);
  if (!list.startsWith('/') && !list.includes('(')) return matches(list.split(','));
  for (const part of list.split(',')) {
    const entry = part.trim();
    const parsed = /^(\/[^(]*)\(([^)]*)\)$/.exec(entry);
    if (parsed === null) {
      // An address beside directories is meant for all of them.
      if (!entry.startsWith('/') && (await matches([entry]))) return true;
      continue;
    }
    const [, directory, addresses = ''] = parsed;
    if (directory === client.subdir && (await matches(addresses.split('|')))) return true;
  }
  return false;
}

/** An IPv4 client of a brick that listens by IPv6 is known by both its addresses. */
function formsOf(peer: string): string[] {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(peer);
  return mapped?.[1] === undefined ? [peer] : [mapped[1], peer];
}

async function anyMatches(entries: string[], peer: string[], verb: string, notes: string[]): Promise<boolean> {
  // Once an entry is negated, so are those after it: as glusterfsd reads such lists.
  let negate = false;
  for (const entry of entries) {
    let pattern = entry.trim();
    if (pattern === '') continue;
    notes.push(`${verb} = "${pattern}", received addr = "${peer[0]}"`);
    if (pattern.startsWith('!')) {
      negate = true;
      pattern = pattern.slice(1);
    }
    // As with glusterfsd, negation is for patterns and networks.
    if (isIP(pattern) !== 0) {
      if (peer.some((address) => sameAddress(pattern, address))) return true;
    } else if (isHostName(pattern)) {
      if (await isHost(pattern, peer, notes)) return true;
    } else {
      const matches = pattern.includes('/') ? inNetwork : fnmatch;
      if (peer.some((address) => matches(pattern, address)) !== negate) return true;
    }
  }
  return false;
}

function isHostName(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text);
}

async function isHost(name: string, peer: string[], notes: string[]): Promise<boolean> {
  if (peer.includes(name)) return true;
  const { addresses, problem } = await hostNames.addresses(name);
  if (problem !== '') notes.push(`looking up ${name}: ${problem}`);
  return addresses.some((address) => peer.some((form) => sameAddress(address, form)));
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** A scope (`fe80::1%eth0`) is the server's own name for a link. */
const withoutScope = (address: string): string => address.replace(/%.*$/, '');

/** However they are written: fd00::7 is fd00:0:0::0007. */
function sameAddress(one: string, other: string): boolean {
  if (one === other) return true;
  if (isIP(one) === 0 || isIP(other) !== isIP(one)) return false;
  const list = new BlockList();
  list.addAddress(withoutScope(one), familyOf(one));
  return list.check(withoutScope(other), familyOf(other));
}

function inNetwork(network: string, peer: string): boolean {
  const slash = network.lastIndexOf('/');
  const address = network.slice(0, slash);
  const family = isIP(address);
  if (family === 0 || isIP(peer) !== family || !/^\d+$/.test(network.slice(slash + 1))) return false;
  const prefix = Number(network.slice(slash + 1));
  if (prefix > (family === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(withoutScope(address), prefix, familyOf(address));
  return list.check(withoutScope(peer), familyOf(peer));
}
