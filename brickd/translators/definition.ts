/**
 * The definition of a translator type, which the server needs to create it. Each type is a folder `<category>/<name>`
 * whose `definition.ts` exports one:
 *
 *   export const definition = defineTranslator({
 *     type: 'features/barrier',
 *     options,
 *     implemented: true,
 *     demands: [{ option: 'barrier', needs: 'a barrier for snapshots' }],
 *     create: (init) => new BarrierTranslator(init),
 *   });
 *
 * `npm run build:ts` lists the folders in definitions.ts and known-types.ts; nothing else has to know of a new translator.
 */
import type { Translator, TranslatorInit } from '../../mux/xlator/translator.js';
import { type GraphNode, optionsOf } from '../../volfiles/graph.js';
import type { OptionsOf, OptionTable } from '../../volfiles/options.js';
import { passThrough } from './pass-through.js';

/** Something that a volume may ask for and that a server which lacks it must not silently leave undone. */
export interface Demand {
  /** What has to be implemented: the translator's type, or `type#part` for a part of it. */
  readonly target: string;
  /** The option that asks for it; undefined if the volume's presence does. */
  readonly option: string | undefined;
  /** Whether a volume asks for it. */
  enabledWhen(node: GraphNode): boolean;
  /** What would be missing, as the end of "…, which needs ". */
  readonly needs: string;
  /** Without it the brick is refused (error), or its log gets a line (warning). */
  readonly severity: 'error' | 'warning';
}

export interface TranslatorDefinition {
  /** `<category>/<name>`, as volfiles and the folder have it. */
  readonly type: string;
  /** Further names that volfiles may use. */
  readonly aliases: readonly string[];
  readonly options: OptionTable;
  readonly demands: readonly Demand[];
  /** Targets of demands that are met. */
  readonly implemented: readonly string[];
  /** Options that protect data or access; null: none. */
  readonly guards: RegExp | null;
  /** Null: nothing to run; the stack is linked without it. */
  create(init: TranslatorInit<unknown>): Translator | null;
}

/** Options whose values are true or false. */
type Switch<T extends OptionTable> = {
  [K in keyof OptionsOf<T>]: OptionsOf<T>[K] extends boolean ? K : never;
}[keyof OptionsOf<T>] &
  string;

interface DemandSpec<Part> {
  needs: string;
  /** The part of the translator that meets it. Left out: the translator as such. */
  part?: Part;
  severity?: 'warning';
}
/** Made by the volume's presence. */
interface PresenceDemand<Part> extends DemandSpec<Part> {
  option?: undefined;
  when?: undefined;
}
/** Made by a switch that is on. */
interface SwitchDemand<T extends OptionTable, Part> extends DemandSpec<Part> {
  option: Switch<T>;
  when?: undefined;
}
/** Made by the value of an option. */
interface ValueDemand<T extends OptionTable, Part> extends DemandSpec<Part> {
  option: keyof OptionsOf<T> & string;
  when(options: OptionsOf<T>): boolean;
}

interface Spec<T extends OptionTable, Part extends string> {
  type: string;
  aliases?: readonly string[];
  options: T;
  /**
   * Whether the demands below (those for parts apart) are met. False: the type is known, and a volume that demands nothing of it
   * is served; any other is refused.
   */
  implemented: boolean;
  /** Parts that demands may name, and whether each is implemented. */
  parts?: Readonly<Record<Part, boolean>>;
  demands: readonly (PresenceDemand<NoInfer<Part>> | SwitchDemand<T, NoInfer<Part>> | ValueDemand<T, NoInfer<Part>>)[];
  /** Options that protect data or access: a brick whose changed volfile has one that it cannot apply serves nobody. */
  guards?: RegExp;
  /** Left out for a type that passes everything through. Null: nothing to run under these options. */
  create?(init: TranslatorInit<OptionsOf<T>>): Translator | null;
}

export function defineTranslator<T extends OptionTable, Part extends string = never>(
  spec: Spec<T, Part>,
): TranslatorDefinition {
  const { type, options, implemented, guards = null } = spec;
  const parts = Object.entries(spec.parts ?? {}).filter(([, made]) => made);
  return {
    type,
    aliases: spec.aliases ?? [],
    options,
    demands: spec.demands.map((demand) => ({
      target: demand.part === undefined ? type : `${type}#${demand.part}`,
      option: demand.option,
      enabledWhen(node) {
        if (demand.option === undefined) return true;
        const values = optionsOf(node, options);
        return demand.when === undefined ? values[demand.option] === true : demand.when(values);
      },
      needs: demand.needs,
      severity: demand.severity ?? 'error',
    })),
    implemented: [...(implemented ? [type] : []), ...parts.map(([part]) => `${type}#${part}`)],
    guards,
    create: spec.create ?? passThrough,
  };
}
