/** The "Final graph" that the log shows after start-up, in glusterfsd's format. */
import { depthFirst, type GraphNode } from './graph.js';

const RULE = `+${'-'.repeat(78)}+`;

/**
 * Lines (no line ends) of the final graph from `top` down: a title, a rule, every volume as a numbered volfile, a rule.
 * Options stand in the order last set first, as glusterfsd keeps them.
 */
export function finalGraphText(top: GraphNode): string[] {
  const lines: string[] = [];
  for (const node of depthFirst(top)) {
    lines.push(`volume ${node.name}`, `    type ${node.type}`);
    for (const [key, { value }] of [...node.options].reverse()) lines.push(`    option ${key} ${value}`);
    if (node.children.length > 0) lines.push(`    subvolumes ${node.children.map((c) => c.name).join(' ')}`);
    lines.push('end-volume', ' ');
  }
  return ['Final graph:', RULE, ...lines.map((line, i) => `${String(i + 1).padStart(3)}: ${line}`), RULE];
}
