/** All translator types that a brick volfile may name, by each of their names. */
import type { Translator, TranslatorInit } from '../../mux/xlator/translator.js';
import type { OptionTable } from '../../volfiles/options.js';
import type { TranslatorDefinition } from './definition.js';
import { definitions } from './definitions.js';

export const catalog: ReadonlyMap<string, TranslatorDefinition> = new Map(
  definitions.flatMap((definition) =>
    [definition.type, ...definition.aliases].map((name): [string, TranslatorDefinition] => [name, definition]),
  ),
);

/** What is implemented of all that volumes may ask for: targets of demands. */
export const implemented: ReadonlySet<string> = new Set(definitions.flatMap((definition) => definition.implemented));

/** Table of a type's options: the registry that brick graphs are built with. */
export const optionTableOf = (type: string): OptionTable | undefined => catalog.get(type)?.options;

/** Null: the type has nothing to run. */
export const createTranslator = (type: string, init: TranslatorInit<unknown>): Translator | null =>
  catalog.get(type)?.create(init) ?? null;

/** Whether an option protects data or access. option: its name in the graph, where aliases are replaced. */
export const guards = (type: string, option: string): boolean => catalog.get(type)?.guards?.test(option) === true;
