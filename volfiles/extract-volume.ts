/**
 * Takes volumes that no fop passes through out of the graph (`user/qos`), so that they can be added and removed while
 * the brick runs.
 */
import type { VolfileNode } from './parser.js';

/**
 * Nodes without those of the wanted volumes that have one subvolume: who stood above one stands above that subvolume. The nodes
 * given are not changed. What was lifted comes beside, top first.
 */
export function liftOut(
  nodes: readonly VolfileNode[],
  wanted: (node: VolfileNode) => boolean,
): { readonly nodes: VolfileNode[]; readonly lifted: VolfileNode[] } {
  const below = new Map<string, string>();
  const lifted: VolfileNode[] = [];
  const left: VolfileNode[] = [];
  for (const node of nodes) {
    // Volumes are defined before they are used: what stands below is known.
    const subvolumes = node.subvolumes.map((name) => below.get(name) ?? name);
    const [only] = subvolumes;
    if (only !== undefined && subvolumes.length === 1 && wanted(node)) {
      below.set(node.name, only);
      lifted.unshift(node);
    } else left.push({ ...node, subvolumes });
  }
  return { nodes: left, lifted };
}
