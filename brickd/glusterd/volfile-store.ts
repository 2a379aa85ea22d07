/**
 * The volfiles that this process serves, by id, and the options in them that concern the process rather than a brick.
 */
import { createHash } from 'node:crypto';
import { type ByteString, bytesOfLatin1 } from '../../native/bytes.js';
import { liftOut } from '../../volfiles/extract-volume.js';
import { applyOverrides } from '../../volfiles/overrides.js';
import { parseVolfile, type VolfileNode } from '../../volfiles/parser.js';
import { liftSwitchedOff } from '../../volfiles/switched-off.js';
import type { ListenOptions, XlatorOption } from '../brick-server.js';
import { KNOWN_TYPES } from '../translators/known-types.js';
import { QOS_TYPE } from '../translators/user/qos/options.js';

const DEFAULT_BACKLOG = 1024;

/** What the process itself reads from a volfile. */
export interface VolfileFacts {
  brick: ByteString;
  /** Name of the volume, with which the names of its translators begin. */
  volume: string;
  listen: ListenOptions;
  /** Option `statedump-path` of the server volume; empty when not given. */
  statedumpPath: ByteString;
  /** Options of the brick's top volume (io-stats): log levels among them. */
  brickOptions: ReadonlyMap<string, string>;
}

const textOptions = (node: VolfileNode): Map<string, string> =>
  new Map([...node.options].map(([key, entry]) => [key, entry.value]));

/** Throws a VolfileError, or an Error when the volfile is no brick's. file: how messages call it. */
export function volfileFacts(text: string, file: string, overrides: readonly XlatorOption[]): VolfileFacts {
  const rules = overrides.map(({ xlator, key, value }) => ({ volume: xlator, key, value }));
  const { nodes: layers } = liftOut(applyOverrides(parseVolfile(text, file), rules), ({ type }) => type === QOS_TYPE);
  const { nodes } = liftSwitchedOff(layers, (type) => KNOWN_TYPES.has(type));
  const server = nodes.at(-1);
  if (server === undefined) throw new Error(`${file}: the volfile defines no volume`);
  if (server.type !== 'protocol/server') {
    throw new Error(`${file}: the top volume '${server.name}' is ${server.type}; a brick needs protocol/server`);
  }
  const brick = server.subvolumes[0];
  if (brick === undefined)
    throw new Error(`${file}: volume '${server.name}' has no subvolume: there is no brick to serve`);
  const top = nodes.find((node) => node.name === brick);
  const options = textOptions(server);
  return {
    brick: bytesOfLatin1(brick),
    volume: server.name.replace(/-server$/, ''),
    listen: listenOptions(server, file),
    statedumpPath: bytesOfLatin1(options.get('statedump-path') ?? ''),
    brickOptions: top === undefined ? new Map() : textOptions(top),
  };
}

/** Port that a server without a port option listens on. */
const DEFAULT_PORT = 24007;

/** Value of an option by any of its names; what the command line sets wins, then what is set last. */
function optionOf(server: VolfileNode, ...names: string[]): string | undefined {
  const set = [...server.options].filter(([key]) => names.includes(key)).map(([, entry]) => entry);
  return (set.findLast((entry) => entry.implied === true) ?? set.at(-1))?.value;
}

function listenOptions(server: VolfileNode, file: string): ListenOptions {
  const portText = optionOf(server, 'transport.socket.listen-port', 'listen-port') ?? String(DEFAULT_PORT);
  const port = Number(portText);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new Error(`${file}: listen-port '${portText}' is not a port`);
  const backlog = Number(optionOf(server, 'transport.listen-backlog') ?? DEFAULT_BACKLOG);
  return {
    host: optionOf(server, 'transport.socket.bind-address', 'bind-address') ?? '',
    port,
    family: optionOf(server, 'transport.address-family', 'address-family') === 'inet6' ? 6 : 4,
    backlog: Number.isInteger(backlog) && backlog > 0 ? backlog : DEFAULT_BACKLOG,
  };
}

export interface StoredVolfile {
  id: string;
  brick: ByteString;
  /** Of the text in effect; '' if the last one could not be applied. */
  digest: string;
  /** How many texts have been applied, and when the last was (seconds since the epoch). */
  generation: number;
  appliedAtSec: number;
}

export const digestOf = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');

export class VolfileStore {
  readonly #byId = new Map<string, StoredVolfile>();

  /** Remembers what is being served for an id. */
  put(id: string, brick: ByteString, text: string): void {
    const generation = (this.#byId.get(id)?.generation ?? 0) + 1;
    this.#byId.set(id, { id, brick, digest: digestOf(text), generation, appliedAtSec: Date.now() / 1000 });
  }

  /** What is served for an id may not be the text that was put last: every text differs from it. */
  outdate(id: string): void {
    const stored = this.#byId.get(id);
    if (stored !== undefined) stored.digest = '';
  }

  get(id: string): StoredVolfile | undefined {
    return this.#byId.get(id);
  }

  ofBrick(brick: ByteString): StoredVolfile | undefined {
    for (const stored of this.#byId.values()) if (stored.brick === brick) return stored;
    return undefined;
  }

  /** Forgets the volfiles of a brick that has gone. */
  dropBrick(brick: ByteString): void {
    for (const [id, stored] of this.#byId) if (stored.brick === brick) this.#byId.delete(id);
  }

  all(): StoredVolfile[] {
    return [...this.#byId.values()];
  }
}
