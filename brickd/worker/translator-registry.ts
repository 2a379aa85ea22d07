/** The translators, in the form in which the host of bricks (mux/workers) needs them. */
import type { TranslatorRegistry } from '../../mux/workers/translator-registry.js';
import { createTranslator, guards, implemented, optionTableOf } from '../translators/catalog.js';
import { isServed, refusals, unmetDemands } from '../translators/demands.js';
import { SIMPLE_QUOTA_TYPE } from '../translators/features/simple-quota/options.js';
import { QOS_TYPE } from '../translators/user/qos/options.js';
import { qosRules } from '../translators/user/qos/settings.js';

export const registry: TranslatorRegistry = {
  optionTable: optionTableOf,
  create: createTranslator,
  schedulingType: QOS_TYPE,
  scheduling: qosRules,
  namespaceType: SIMPLE_QUOTA_TYPE,
  refusals: (graph) => refusals(graph, implemented),
  unapplied: (graph) =>
    unmetDemands(graph, implemented)
      .filter(({ demand }) => demand.severity === 'error')
      .map(({ node, demand: { option = '' }, value, reason }) => ({
        volume: node.name,
        option,
        value,
        reason: `it ${reason}`,
        guards: guards(node.type, option),
      })),
  isServed: (node) => isServed(node, implemented),
  guards,
};
