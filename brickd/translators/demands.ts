/** What a volfile demands and this server does not implement; a brick with such a volfile is refused. */
import type { Graph, GraphNode } from '../../volfiles/graph.js';
import { problemText, type VolfileProblem } from '../../volfiles/problem.js';
import { catalog } from './catalog.js';
import type { Demand } from './definition.js';

/** A demand of one volume that nothing meets. */
export interface UnmetDemand {
  readonly node: GraphNode;
  readonly demand: Demand;
  /** The text of the option's value; '' where no option asks. */
  readonly value: string;
  /** As the end of a sentence: what is missing. */
  readonly reason: string;
}

/** Demands of the graph's volumes whose targets are not in `implemented`. */
export function unmetDemands(graph: Graph, implemented: ReadonlySet<string>): UnmetDemand[] {
  return graph.nodes.flatMap((node) =>
    demandsOf(node)
      .filter((demand) => !implemented.has(demand.target))
      .map((demand) => ({
        node,
        demand,
        value: demand.option === undefined ? '' : (node.options.get(demand.option)?.value ?? ''),
        reason: `needs ${demand.needs}, which this brick server does not have`,
      })),
  );
}

const demandsOf = (node: GraphNode): Demand[] =>
  (catalog.get(node.type)?.demands ?? []).filter((demand) => demand.enabledWhen(node));

/** Unmet demands as lines about the volfile. Errors mean that the brick must not be served; warnings are for the log. */
export function demandProblems(graph: Graph, implemented: ReadonlySet<string>): VolfileProblem[] {
  return unmetDemands(graph, implemented).map(({ node, demand: { severity, option }, value, reason }) => {
    const line = (option === undefined ? undefined : node.options.get(option)?.line) ?? node.line;
    const cause = option === undefined ? `type '${node.type}'` : `option '${option} ${value}'`;
    return { severity, line, volume: node.name, message: `${cause} ${reason}` };
  });
}

/** Why the graph must not be served, a sentence each; empty if it may be. */
export function refusals(graph: Graph, implemented: ReadonlySet<string>): string[] {
  return demandProblems(graph, implemented)
    .filter((p) => p.severity === 'error')
    .map((p) => problemText(graph.file, p));
}

/** Whether a volume asks for work, and nothing is lacking for it. */
export function isServed(node: GraphNode, implemented: ReadonlySet<string>): boolean {
  const enabled = demandsOf(node);
  return enabled.length > 0 && enabled.every((demand) => implemented.has(demand.target));
}
