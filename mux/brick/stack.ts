/**
 * A brick's stack of translators: created from the graph, initialized from the bottom, and linked so that each fop goes
 * directly to the next translator that implements it and wants it.
 */
import { ENOSYS, EOPNOTSUPP } from '../../native/errno.js';
import { describeThrown } from '../base/fault.js';
import { loggerFor } from '../base/log.js';
import { failure } from '../xlator/fop-error.js';
import { FOP_NAMES } from '../xlator/fop-table.js';
import type { FopName, Fops } from '../xlator/fops.js';
import type { BrickContext, Translator, TranslatorInit } from '../xlator/translator.js';

/** Runs clean-up after a failure; a failure of the clean-up itself is only logged. */
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

function unserved(name: FopName): () => never {
  const refusal = failure(name === 'ipc' ? EOPNOTSUPP : ENOSYS);
  return () => {
    throw refusal;
  };
}

/** What is called below the last translator that implements a fop: it fails. Shared by all bricks, of which a thread may have hundreds. */
const UNSERVED = {} as Fops;
for (const name of FOP_NAMES) UNSERVED[name] = unserved(name);

/** Links a fop to a layer if that implements and wants it. */
function link<F extends FopName>(name: F, layer: Translator & Partial<Fops>, into: Fops): void {
  const fops: Partial<Fops> = layer;
  const method = fops[name];
  if (method !== undefined && layer.wants(name)) into[name] = method.bind(layer) as Fops[F];
}

/** Links a layer to the fops below it; returns the fops that the layer above gets. */
function linkAbove(layer: Translator, below: Fops): Fops {
  layer.next = below;
  const here = { ...below };
  for (const name of FOP_NAMES) link(name, layer, here);
  return here;
}

export class Stack {
  /** Top to bottom. */
  readonly layers: Translator[];
  /** Entry point: the fops of the topmost translators. */
  top: Fops = UNSERVED;
  /** The fops of storage/posix, for calls that the other translators must not see. */
  storage: Fops = UNSERVED;

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

  /** Sets every `next` again: after creation, and whenever options may have switched a translator on or off. */
  relink(): void {
    this.storage = UNSERVED;
    let below: Fops = UNSERVED;
    for (const layer of this.layers.toReversed()) {
      below = linkAbove(layer, below);
      if (this.storage === UNSERVED) this.storage = below;
    }
    this.top = below;
  }

  /** Brings the translators up, bottom first. On failure those already up are ended again. */
  async init(): Promise<void> {
    const up: Translator[] = [];
    for (const layer of this.layers.toReversed()) {
      try {
        await layer.init();
      } catch (error) {
        for (const below of up) await quietly(below, 'ending it', below.fini());
        throw error;
      }
      up.unshift(layer);
    }
    this.relink();
  }

  /**
   * Gives each layer its new options, top first. A layer that refuses them keeps its old ones, whatever happens to the
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
