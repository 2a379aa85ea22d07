/** Reports options of user/qos that a brick would not use, for `brickd check`. */
import type { Graph } from '../../../../volfiles/graph.js';
import { shown, type VolfileProblem } from '../../../../volfiles/problem.js';
import { QOS_TYPE } from './options.js';
import { qosRules } from './settings.js';

export function qosProblems(graph: Graph): VolfileProblem[] {
  return graph.nodes
    .filter((node) => node.type === QOS_TYPE)
    .flatMap((node) => {
      const options = new Map([...node.options].map(([name, { value }]): [string, string] => [name, value]));
      return qosRules(options, null).bad.map(({ option, value, reason, instead }): VolfileProblem => {
        const message = `option ${shown(option)}: value ${shown(value)} ${reason}; in effect: ${instead}`;
        const line = node.options.get(option)?.line ?? node.line;
        return { severity: 'warning', line, volume: node.name, message };
      });
    });
}
