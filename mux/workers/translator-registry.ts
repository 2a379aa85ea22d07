/**
 * What the host of bricks needs to know about translators. The daemon provides it, because mux knows no single
 * translator.
 */
import type { Graph, GraphNode } from '../../volfiles/graph.js';
import type { OptionTable } from '../../volfiles/options.js';
import type { Unapplied } from '../brick/brick-facts.js';
import type { QosRules } from '../qos/rules.js';
import type { Translator, TranslatorInit } from '../xlator/translator.js';

export interface TranslatorRegistry {
  optionTable(type: string): OptionTable | undefined;
  /** Null: the type is known and does nothing here. */
  create(type: string, init: TranslatorInit<unknown>): Translator | null;
  /** Type of the volumes that set how a brick's fops are scheduled; they are no part of its stack. */
  readonly schedulingType: string;
  /** Type of a translator whose presence, switched on or not, says that inodes belong to namespaces. */
  readonly namespaceType: string;
  /** The rules that their options come to. before: those in effect. What can't be used is told of in the rules. */
  scheduling(options: ReadonlyMap<string, string>, before: QosRules | null): QosRules;
  /** Sentences that say what the graph asks for and nothing serves yet. */
  refusals(graph: Graph): string[];
  /** The same, of a brick that runs already. */
  unapplied(graph: Graph): Unapplied[];
  /** Whether the volume asks for work, and there is a translator that does it. */
  isServed(node: GraphNode): boolean;
  /** Whether an option protects data or access: a brick must not serve without. */
  guards(type: string, option: string): boolean;
}
