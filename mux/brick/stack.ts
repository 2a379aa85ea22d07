/**
 * A brick's stack of translators: made from its graph, brought up from the bottom, and linked so that each fop goes
 * straight to the next translator that cares for it.
 */
import { ENOSYS, EOPNOTSUPP } from '../../native/errno.js';
import { describeThrown } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import { failure } from '../xlator/fop-error.js';
import { FOP_NAMES } from '../xlator/fop-table.js';
import type { FopName, Fops } from '../xlator/fops.js';
import type { BrickContext, Translator, TranslatorInit } from '../xlator/translator.js';

/** Waits for what follows a failure that counts for more: its own is logged. */
function quietly(layer: Translator, what: string, work: Promise<void>): Promise<void> {
  return work.catch((thrown: unknown) =>
    loggerFor(layer.name).error(0, `${layer.name}: ${what} has failed: ${describeThrown(thrown)}`),
  );
}

/** A translator to be made: one volume of the volfile with its checked options. */
export interface LayerSpec {
  name: string;
  type: string;
  options: unknown;
  /** Null: nothing to run for it (a pass-through); it is not part of the stack. */
  create(init: TranslatorInit<unknown>): Translator | null;
}

/** A translator that can't take its new options. */
export interface Refusal {
  layer: Translator;
  error: unknown;
}

type AnyFop = (call: unknown, args: unknown) => unknown;

/** What a fop meets below the last translator that implements it. */
function unserved(name: FopName): AnyFop {
  const refusal = failure(name === 'ipc' ? EOPNOTSUPP : ENOSYS);
  return () => {
    throw refusal;
  };
}
/** Shared by all bricks: a thread may have hundreds. */
const UNSERVED = Object.fromEntries(FOP_NAMES.map((name) => [name, unserved(name)])) as Record<FopName, AnyFop>;

export class Stack {
  /** Top to bottom. */
  readonly layers: Translator[];
  /** Where calls enter. */
  top!: Fops;
  /** The lowest translator, for calls that the layers above shall not see. */
  storage!: Fops;

  /** specs: top to bottom. */
  constructor(specs: LayerSpec[], brick: BrickContext) {
    this.layers = [];
    for (const spec of specs) {
      const layer = spec.create({
        name: spec.name,
        type: spec.type,
        options: spec.options,
        brick,
        slot: this.layers.length,
      });
      if (layer !== null) this.layers.push(layer);
    }
    this.relink();
  }

  /** Sets every `next` anew: after creation, and whenever options may have switched a translator on or off. */
  relink(): void {
    let below = UNSERVED;
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const layer = this.layers[i]!;
      layer.next = below as unknown as Fops;
      const here = { ...below };
      const methods = layer as unknown as Partial<Record<FopName, AnyFop>>;
      for (const name of FOP_NAMES) {
        const method = methods[name];
        if (typeof method === 'function' && layer.wants(name)) here[name] = method.bind(layer);
      }
      if (below === UNSERVED) this.storage = here as unknown as Fops;
      below = here;
    }
    this.top = below as unknown as Fops;
  }

  /** Brings the translators up, bottom first. On failure those already up are ended again. */
  async init(): Promise<void> {
    for (let i = this.layers.length - 1; i >= 0; i--) {
      try {
        await this.layers[i]!.init();
      } catch (error) {
        for (let j = i + 1; j < this.layers.length; j++)
          await quietly(this.layers[j]!, 'ending it', this.layers[j]!.fini());
        throw error;
      }
    }
    this.relink();
  }

  /**
   * Gives each layer its new options, top first. A layer that refuses them keeps those that it has, whatever becomes of the
   * others. Returns the refusals.
   */
  async reconfigure(optionsOf: (layer: Translator) => unknown): Promise<Refusal[]> {
    const refusals: Refusal[] = [];
    for (const layer of this.layers) {
      const options = optionsOf(layer);
      if (options === undefined) continue;
      const before = layer.options;
      try {
        await layer.reconfigure(options);
      } catch (error) {
        refusals.push({ layer, error });
        if (layer.options !== before) await quietly(layer, 'taking its options back', layer.reconfigure(before));
      }
    }
    this.relink();
    return refusals;
  }

  async fini(): Promise<void> {
    for (const layer of this.layers) await layer.fini();
  }
}
