/** The translators as the host of bricks asks for them. */
import type { TranslatorRegistry } from '../../mux/workers/brick-host.js';
import { guards, isServed, optionTableOf, refusals, unappliedDemands } from './catalog.js';
import { SIMPLE_QUOTA_TYPE } from './features/simple-quota/options.js';
import { implemented, lookupTranslator } from './registry.js';
import { QOS_TYPE } from './user/qos/options.js';
import { qosRules } from './user/qos/settings.js';

export { implemented };

export const registry: TranslatorRegistry = {
  optionTable: optionTableOf,
  create: (type, init) => lookupTranslator(type)?.create(init) ?? null,
  schedulingType: QOS_TYPE,
  scheduling: qosRules,
  namespaceType: SIMPLE_QUOTA_TYPE,
  refusals: (graph) => refusals(graph, implemented),
  unapplied: (graph) => unappliedDemands(graph, implemented),
  isServed: (node) => isServed(node, implemented),
  guards,
};
