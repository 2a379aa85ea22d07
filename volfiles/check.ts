/** Checks a volfile without starting a brick: the core of `brickd check`. */
import { type Graph, scanGraph } from './graph.js';
import type { OptionRegistry } from './options.js';
import { scanVolfile } from './parser.js';
import type { VolfileProblem } from './problem.js';

/** Demands of a graph that are not implemented: volume and a sentence each. */
export type RefusalCheck = (graph: Graph) => readonly VolfileProblem[];

/**
 * Problems of volfile text (a byte string) in the order of their lines: syntax, unknown types, bad and unknown options, missing
 * subvolumes, unused volumes, and what `refusals` adds. Empty if all is well. `file` names the text in the graph.
 */
export function checkVolfile(
  text: string,
  file: string,
  registry: OptionRegistry,
  refusals: RefusalCheck = () => [],
): VolfileProblem[] {
  const parsed = scanVolfile(text);
  const problems = [...parsed.problems];
  if (!problems.some((p) => p.severity === 'error')) {
    const scanned = scanGraph(parsed.nodes, registry, file);
    problems.push(...scanned.problems);
    if (scanned.graph !== undefined) problems.push(...refusals(scanned.graph));
  }
  return problems.sort((a, b) => a.line - b.line);
}
