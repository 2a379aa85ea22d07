/** Chooses the local port of the connection to glusterd, which may accept privileged ports only. */
import { readFileSync } from 'node:fs';

const HIGHEST_PRIVILEGED = 1023;
/** Below are ports of well-known services. */
const LOWEST_TRIED = 600;
/** Tries before the system may choose any port. */
const MAX_PORT_TRIES = 32;

/** Ports that the administrator keeps for others (`8000-8010,9000`). */
export function parsePortList(text: string): Set<number> {
  const ports = new Set<number>();
  for (const part of text.trim().split(',')) {
    const [from, to = from] = part.split('-').map(Number);
    if (from === undefined || to === undefined) continue;
    for (let port = from; port >= 1 && port <= to && port <= 65535; port++) ports.add(port);
  }
  return ports;
}

/**
 * Privileged ports to try in turn, from a random one downward so that many bricks that start at once do not race for the
 * same. Empty for processes that may not bind them.
 */
export function* privilegedPorts(): Generator<number> {
  if (process.getuid?.() !== 0) return;
  let reserved = new Set<number>();
  try {
    reserved = parsePortList(readFileSync('/proc/sys/net/ipv4/ip_local_reserved_ports', 'latin1'));
  } catch {
    // no such setting here: nothing is reserved
  }
  const span = HIGHEST_PRIVILEGED - LOWEST_TRIED + 1;
  const start = Math.floor(Math.random() * span);
  for (let i = 0, tried = 0; i < span && tried < MAX_PORT_TRIES; i++) {
    const port = LOWEST_TRIED + ((start - i + span) % span);
    if (reserved.has(port)) continue;
    tried++;
    yield port;
  }
}
