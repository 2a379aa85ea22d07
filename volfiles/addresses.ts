/**
 * Internet addresses as options name them: host names, IPv4 and IPv6 addresses, each with `*` for parts where a list of
 * patterns is meant, and IPv4 networks (`10.0.0.0/8`). Only the form is checked, no name is resolved.
 */
import { BadValue } from './values.js';

const HOST_NAME_MAX = 255;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

function isHostName(text: string): boolean {
  if (text.length === 0 || text.length > HOST_NAME_MAX) return false;
  // One leading dot passes, as it does in glusterfsd.
  return (text.startsWith('.') ? text.slice(1) : text).split('.').every((label) => LABEL.test(label));
}

function isIpv4(text: string, wildcards: boolean): boolean {
  const parts = text.split('.');
  let stars = 0;
  for (const part of parts) {
    if (wildcards && part === '*') stars++;
    else if (!/^[0-9]{1,9}$/.test(part) || Number(part) > 255) return false;
  }
  return parts.length <= 4 && (parts.length === 4 || stars > 0);
}

function isIpv6(text: string, wildcards: boolean): boolean {
  const [address = ''] = text.split('%', 1);
  if (address === '' || address.endsWith(':')) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  const groups = address.split(':').filter((g) => g !== '');
  let stars = 0;
  for (const group of groups) {
    if (wildcards && group === '*') stars++;
    else if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return false;
  }
  return groups.length <= 8 && (groups.length === 8 || stars > 0 || halves.length === 2);
}

function isIpv4Network(text: string): boolean {
  const m = /^([^/]*)\/([0-9]{1,2})$/.exec(text);
  if (m === null) return false;
  const [, address = '', prefix] = m;
  const bits = Number(prefix);
  return bits >= 1 && bits <= 32 && isIpv4(address, true);
}

/** True for what one item of an address list may be. */
export function isAddressPattern(text: string): boolean {
  return isIpv4Network(text) || isIpv4(text, true) || isIpv6(text, true) || isHostName(text);
}

/** One address or host name, as of a socket to bind. */
export function parseAddress(text: string): string {
  if (!isIpv4(text, false) && !isIpv6(text, false) && !isHostName(text)) {
    throw new BadValue('is neither an internet address nor a host name');
  }
  return text;
}

/** Who may mount which directory; directory '' stands for the whole volume. */
export interface AddressRule {
  /** Absolute path in the volume, or '' where the list names no directories. */
  readonly directory: string;
  readonly patterns: readonly string[];
}

/**
 * A list of address patterns: `192.168.*,10.0.0.0/8,host.example` for the whole volume, or per directory
 * `/dir1(addr1|addr2),/dir2(addr3)`.
 */
export function parseAddressList(text: string): AddressRule[] {
  if (!text.startsWith('/') && !text.includes('(')) {
    const patterns = text.split(',').filter((p) => p !== '');
    checkPatterns(patterns);
    return [{ directory: '', patterns }];
  }
  return text
    .split(',')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const m = /^(\/[^(]*)\(([^)]*)\)?$/.exec(entry);
      if (m === null) throw new BadValue(`is not a list of addresses: '${entry}' is not /directory(address|address…)`);
      const [, directory = '', addresses = ''] = m;
      const patterns = addresses.split('|').filter((p) => p !== '');
      if (patterns.length === 0) throw new BadValue(`is not a list of addresses: directory '${directory}' has none`);
      checkPatterns(patterns);
      return { directory, patterns };
    });
}

function checkPatterns(patterns: readonly string[]): void {
  const bad = patterns.find((p) => !isAddressPattern(p));
  if (bad !== undefined)
    throw new BadValue(`is not a list of addresses: '${bad}' is neither an address nor a host name`);
}
