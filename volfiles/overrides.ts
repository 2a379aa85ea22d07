/**
 * Options that a volume gets from elsewhere than its own lines: the command line (`--xlator-option`), and auth rules
 * that the server volume sets for its child.
 */
import { fnmatchNoEscape } from './fnmatch.js';
import type { OptionEntry, VolfileNode } from './parser.js';

/** `--xlator-option VOLUME.KEY=VALUE`; VOLUME may be a pattern. */
export interface OptionOverride {
  readonly volume: string;
  readonly key: string;
  readonly value: string;
}

/** Parses the argument of `--xlator-option`: volume up to the first dot, key up to the first `=` after it. Undefined if a part is missing. */
export function parseOverride(argument: string): OptionOverride | undefined {
  const dot = argument.indexOf('.');
  const equals = argument.indexOf('=', dot + 1);
  if (dot <= 0 || equals <= dot + 1 || equals === argument.length - 1) return undefined;
  return { volume: argument.slice(0, dot), key: argument.slice(dot + 1, equals), value: argument.slice(equals + 1) };
}

/**
 * Nodes with the overrides in place of, or added to, the options of every volume whose name matches. What a volume doesn't
 * know among them is no cause to warn. The nodes given are not changed.
 */
export function applyOverrides(nodes: readonly VolfileNode[], overrides: readonly OptionOverride[]): VolfileNode[] {
  return nodes.map((node) => {
    const matching = overrides.filter((o) => fnmatchNoEscape(o.volume, node.name));
    if (matching.length === 0) return node;
    const options = new Map(node.options);
    for (const { key, value } of matching) options.set(key, { value, line: 0, implied: true });
    return { ...node, options };
  });
}

/** Names of a server's options that its child gets too: who may use a brick is decided by the options of that brick. */
const AUTH_OPTIONS = '*auth*';

/**
 * The child of a `protocol/server` volume with the server's auth options copied to it, so that under multiplexing every brick
 * brings its own rules. The options are marked as implied. Neither node is changed.
 */
function withAuthOptionsOf(server: VolfileNode, child: VolfileNode): VolfileNode {
  const options = new Map(child.options);
  // Last first: in that order glusterfsd stacks them, and its log of the graph shows it.
  for (const [key, entry] of [...server.options].reverse()) {
    if (fnmatchNoEscape(AUTH_OPTIONS, key)) options.set(key, { ...entry, implied: true } satisfies OptionEntry);
  }
  return { ...child, options };
}

/** Nodes of a brick's volfile with {@link withAuthOptionsOf} done for the server on top, if there is one. */
export function copyAuthOptions(nodes: readonly VolfileNode[]): VolfileNode[] {
  const server = nodes.at(-1);
  if (server?.type !== 'protocol/server') return [...nodes];
  const child = server.subvolumes[0];
  return nodes.map((node) => (node.name === child ? withAuthOptionsOf(server, node) : node));
}
