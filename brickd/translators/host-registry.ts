/** The translators as the host of bricks asks for them. */
import type { TranslatorRegistry } from '../../mux/host.js';
import { PosixTranslator } from '../../posix/translator.js';
import { optionTableOf, refusals } from './catalog.js';

/** Types, and parts of types, that are implemented: what else a volfile enables is refused. */
export const implemented: ReadonlySet<string> = new Set([
  'storage/posix',
  'protocol/server',
  'protocol/server#squash',
  'protocol/server#manage-gids',
  'system/posix-acl',
  'features/locks',
  'features/index',
]);

export const registry: TranslatorRegistry = {
  optionTable: optionTableOf,
  create: (type, init) => (type === 'storage/posix' ? new PosixTranslator(init as never) : null),
  refusals: (graph) => refusals(graph, implemented),
};
