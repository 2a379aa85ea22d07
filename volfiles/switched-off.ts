/**
 * Leaves out unknown translators that their options switch off: newer GlusterFS releases add translators to every
 * volfile that do nothing until enabled.
 */
import { liftOut } from './extract-volume.js';
import type { OptionEntry, VolfileNode } from './parser.js';
import { shown, type VolfileProblem } from './problem.js';
import { parseBool } from './values.js';

/** With this option on, a translator passes every fop to its subvolume, whatever else is set. */
const PASS_THROUGH = 'pass-through';

/** Nodes without the unknown volumes that are switched off, and a warning for each of these. The nodes given are not changed. */
export function liftSwitchedOff(
  nodes: readonly VolfileNode[],
  isKnown: (type: string) => boolean,
): { readonly nodes: readonly VolfileNode[]; readonly warnings: readonly VolfileProblem[] } {
  const { nodes: left, lifted } = liftOut(nodes, (node) => !isKnown(node.type) && offSwitch(node) !== undefined);
  if (lifted.length === 0) return { nodes, warnings: [] };
  return { nodes: left, warnings: lifted.map((node) => warningFor(node, offSwitch(node) ?? '')) };
}

/** The option that switches a volume off; undefined when none does. */
function offSwitch({ type, options }: VolfileNode): string | undefined {
  if (meaning(options.get(PASS_THROUGH)) === true) return PASS_THROUGH;
  // Other translators have a switch that is called as they are (features/changelog: changelog). One that is off says nothing of
  // what other options turn on (features/worm: worm-file-level).
  if ([...options.values()].some((entry) => !isNumber(entry) && meaning(entry) === true)) return undefined;
  const own = type.slice(type.lastIndexOf('/') + 1);
  return [own, 'enable', 'enabled'].find((name) => meaning(options.get(name)) === false);
}

const isNumber = ({ value }: OptionEntry): boolean => /^\d+$/.test(value);

/** What an option means if it is a switch. */
function meaning(entry: OptionEntry | undefined): boolean | undefined {
  if (entry === undefined) return undefined;
  try {
    return parseBool(entry.value);
  } catch {
    return undefined;
  }
}

/** option: the one that switches the volume off. */
function warningFor(node: VolfileNode, option: string): VolfileProblem {
  const setting = `${option} ${node.options.get(option)?.value ?? ''}`;
  return {
    severity: 'warning',
    line: node.line,
    volume: node.name,
    message: `type ${shown(node.type)} is not known and is left out: option ${shown(setting)} switches it off`,
  };
}
