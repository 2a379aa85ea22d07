/** The translators as the host of bricks asks for them. */
import type { TranslatorRegistry } from '../../mux/host.js';
import { optionTableOf, refusals } from './catalog.js';
import { implemented, lookupTranslator } from './registry.js';

export { implemented };

export const registry: TranslatorRegistry = {
  optionTable: optionTableOf,
  create: (type, init) => lookupTranslator(type)?.create(init) ?? null,
  refusals: (graph) => refusals(graph, implemented),
};
