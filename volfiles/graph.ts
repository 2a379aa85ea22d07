/**
 * Builds a checked graph of translators from the volumes of a volfile: every type is known or switched off, every
 * option is valid, children are linked. It only builds the description; the server creates the translators.
 */
import { liftOut } from './extract-volume.js';
import {
  type OptionRegistry,
  type OptionSource,
  type OptionsOf,
  type OptionTable,
  type ParsedOptions,
  parseOptions,
  specOf,
} from './options.js';
import type { OptionEntry, VolfileNode } from './parser.js';
import { shown, VolfileError, type VolfileProblem } from './problem.js';
import { liftSwitchedOff } from './switched-off.js';

export interface GraphNode extends OptionSource {
  readonly name: string;
  readonly type: string;
  readonly line: number;
  /** Options as text in the order in which they were set, the translator's implied ones included. */
  readonly options: ReadonlyMap<string, OptionEntry>;
  readonly table: OptionTable;
  readonly parsed: ParsedOptions<OptionTable>;
  readonly children: readonly GraphNode[];
}

export interface Graph {
  readonly file: string;
  /** The last volume of the file. */
  readonly top: GraphNode;
  /** Every volume in definition order: children before parents. */
  readonly nodes: readonly GraphNode[];
  /** Warnings; a graph has no errors. */
  readonly warnings: readonly VolfileProblem[];
}

/** Values of a node's options, typed by the table that its type has. The table must be the one that the graph was built with. */
export function optionsOf<T extends OptionTable>(node: GraphNode, table: T): OptionsOf<T> {
  if (node.table !== table) throw new TypeError(`the options of ${node.type} are not of the table asked for`);
  return node.parsed.values as OptionsOf<T>;
}

/** Builds the graph of a volfile's nodes. Throws VolfileError, naming `file`, with all that is wrong. */
export function buildGraph(nodes: readonly VolfileNode[], registry: OptionRegistry, file: string): Graph {
  const { graph, problems } = scanGraph(nodes, registry, file);
  if (graph === undefined) throw new VolfileError(file, problems);
  return graph;
}

/** As {@link buildGraph}, but tells problems instead of throwing; the graph is undefined if an error is among them. */
export function scanGraph(
  nodes: readonly VolfileNode[],
  registry: OptionRegistry,
  file: string,
): { readonly graph: Graph | undefined; readonly problems: readonly VolfileProblem[] } {
  const { nodes: enabled, warnings } = liftSwitchedOff(nodes, (type) => registry(type) !== undefined);
  return scan(enabled, registry, file, false, warnings);
}

/**
 * As {@link buildGraph}, for a brick that runs: values that can't be used are left to their volumes' `parsed.errors`, and volumes
 * of unknown types that are not switched off are lifted out and returned beside the graph. Throws VolfileError when there is no graph all the same.
 */
export function buildGraphLeniently(
  nodes: readonly VolfileNode[],
  registry: OptionRegistry,
  file: string,
): { readonly graph: Graph; readonly unknown: readonly VolfileNode[] } {
  const { nodes: enabled, warnings } = liftSwitchedOff(nodes, (type) => registry(type) !== undefined);
  const { nodes: known, lifted } = liftOut(enabled, (node) => registry(node.type) === undefined);
  const { graph, problems } = scan(known, registry, file, true, warnings);
  if (graph === undefined) throw new VolfileError(file, problems);
  return { graph, unknown: lifted };
}

function scan(
  nodes: readonly VolfileNode[],
  registry: OptionRegistry,
  file: string,
  lenient: boolean,
  warnings: readonly VolfileProblem[],
): { readonly graph: Graph | undefined; readonly problems: readonly VolfileProblem[] } {
  const builder = new Builder(registry, lenient);
  builder.problems.push(...warnings);
  for (const node of nodes) builder.add(node);
  const top = builder.nodes.at(-1);
  if (top === undefined && builder.problems.length === 0) builder.error(0, undefined, 'the volfile defines no volume');
  const failed = builder.problems.some((p) => p.severity === 'error');
  if (top === undefined || failed) return { graph: undefined, problems: builder.problems };
  builder.warnUnused(top);
  const graph = { file, top, nodes: builder.nodes, warnings: builder.problems };
  return { graph, problems: builder.problems };
}

class Builder {
  readonly nodes: GraphNode[] = [];
  readonly problems: VolfileProblem[] = [];
  readonly #byName = new Map<string, GraphNode>();
  /** Volumes that could not be built; their users are not reported again. */
  readonly #broken = new Set<string>();
  readonly #registry: OptionRegistry;
  readonly #lenient: boolean;

  constructor(registry: OptionRegistry, lenient: boolean) {
    this.#registry = registry;
    this.#lenient = lenient;
  }

  error(line: number, volume: string | undefined, message: string): void {
    this.problems.push({ severity: 'error', line, volume, message });
  }

  add(node: VolfileNode): void {
    const { name, type, line } = node;
    if (this.#byName.has(name)) this.error(line, name, 'is defined again');
    const children = this.#children(node);
    const table = this.#registry(type);
    if (table === undefined) {
      this.error(line, name, `type ${shown(type)} is not one that a brick can have`);
      this.#broken.add(name);
      return;
    }
    this.#count(node, table);
    const options = withImplied(node.options, table);
    const parsed = parseOptions(table, { name, line, options });
    if (!this.#lenient) for (const e of parsed.errors) this.problems.push(e.problem);
    this.problems.push(...parsed.warnings);
    const built: GraphNode = { name, type, line, options, table, parsed, children };
    this.nodes.push(built);
    this.#byName.set(name, built);
  }

  #children(node: VolfileNode): GraphNode[] {
    const children: GraphNode[] = [];
    for (const name of node.subvolumes) {
      const child = this.#byName.get(name);
      if (child !== undefined) children.push(child);
      else if (!this.#broken.has(name))
        this.error(node.line, node.name, `subvolume ${shown(name)} is not defined above it`);
    }
    return children;
  }

  #count({ name, type, line, subvolumes }: VolfileNode, table: OptionTable): void {
    const [min, max] = table.volume.subvolumes ?? [1, 1];
    const count = subvolumes.length;
    if (count >= min && count <= max) return;
    const wanted = max === 0 ? 'no subvolumes' : max === 1 ? 'one subvolume' : 'at least one subvolume';
    this.error(line, name, `type ${shown(type)} has ${wanted}; ${count === 0 ? 'none is' : `${count} are`} given`);
  }

  warnUnused(top: GraphNode): void {
    const used = new Set(depthFirst(top));
    for (const node of this.nodes) {
      if (used.has(node)) continue;
      const message = 'is not used by the volume at the top of the file and is left out';
      this.problems.push({ severity: 'warning', line: node.line, volume: node.name, message });
    }
  }
}

/** Options with the translator's implied ones added and aliases renamed to the names that they stand for. */
function withImplied(given: ReadonlyMap<string, OptionEntry>, table: OptionTable): ReadonlyMap<string, OptionEntry> {
  const options = new Map(given);
  for (const [key, value] of Object.entries(table.volume.implied ?? {})) {
    if (!options.has(key)) options.set(key, { value, line: 0, implied: true });
  }
  for (const [name, entry] of given) {
    const key = table.names.get(name);
    if (key === undefined || key === name || specOf(table, key).each) continue;
    options.delete(name);
    options.set(key, entry);
  }
  return options;
}

/** Volumes from `top` down, each once, children before parents. */
export function depthFirst(top: GraphNode): GraphNode[] {
  const order: GraphNode[] = [];
  const seen = new Set<GraphNode>();
  // A list of what is still to do in place of recursion: a volfile may be deeper than the stack.
  const todo: { node: GraphNode; next: number }[] = [{ node: top, next: 0 }];
  seen.add(top);
  for (let step = todo.at(-1); step !== undefined; step = todo.at(-1)) {
    const child = step.node.children[step.next++];
    if (child === undefined) {
      order.push(step.node);
      todo.pop();
    } else if (!seen.has(child)) {
      seen.add(child);
      todo.push({ node: child, next: 0 });
    }
  }
  return order;
}
