/**
 * features/barrier: while a snapshot is taken, changes are made but not acknowledged, so that no client relies on a
 * change that the snapshot may lack. A time-out lifts a barrier that was not lifted.
 */

import { BrickError } from '../../../../mux/base/brick-error.js';
import { loggerFor } from '../../../../mux/base/log.js';
import type { Call } from '../../../../mux/xlator/call.js';
import { FOP_NAMES, fopByName } from '../../../../mux/xlator/fop-table.js';
import type { FopName, MaybePromise, WriteArgs, WriteReply } from '../../../../mux/xlator/fops.js';
import { below, intercept } from '../../../../mux/xlator/intercept.js';
import { type DumpSection, Translator } from '../../../../mux/xlator/translator.js';
import { assert } from '../../../../native/assert.js';
import { O_DSYNC, O_SYNC } from '../../../../native/linux.js';
import type { Options } from './options.js';

/** Held fops with a rule of their own, by their arguments. */
const BY_ARGUMENTS: ReadonlySet<FopName> = new Set(['writev']);

const NOBODY = (): string => '';

export class BarrierTranslator extends Translator<Options> {
  #enabled = false;
  #held: (() => void)[] = [];
  #cancelTimeout: (() => void) | null = null;

  override async init(): Promise<void> {
    if (this.options.barrier) this.#enable();
  }

  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    if (options.barrier && !this.#enabled) this.#enable();
    else if (!options.barrier && this.#enabled) this.#disable();
  }

  /** No client is left that could rely on an early acknowledgement. */
  override closing(): void {
    this.#disable();
  }

  override async fini(): Promise<void> {
    this.#disable();
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** Raises or lifts the barrier. Throws a BrickError when it is up, or down, already. */
  override setBarrier(enable: boolean): void {
    if (enable === this.#enabled) {
      loggerFor(this.name).error(0, enable ? 'Already enabled' : 'Already disabled.');
      throw new BrickError('BARRIER_REFUSED', this.brick.name);
    }
    if (enable) this.#enable();
    else this.#disable();
  }

  #enable(): void {
    assert(!this.#enabled && this.#held.length === 0, 'a barrier is raised while it is down and holds nothing');
    this.#enabled = true;
    this.#cancelTimeout = this.brick.timer(this.options['barrier-timeout'] * 1000, false, () => {
      loggerFor(this.name).critical(0, 'Disabling barrier because of the barrier timeout.');
      this.#disable();
    });
  }

  #disable(): void {
    this.#enabled = false;
    this.#cancelTimeout?.();
    this.#cancelTimeout = null;
    const held = this.#held;
    this.#held = [];
    for (const go of held) go();
  }

  /** Passes a reply on, once the barrier is down. */
  hold<R>(call: Call, reply: MaybePromise<R>): MaybePromise<R> {
    if (!(reply instanceof Promise)) return this.#enabled ? this.#lifted(call).then(() => reply) : reply;
    return reply.then(
      (r) => (this.#enabled ? this.#lifted(call).then(() => r) : r),
      (error: unknown) => {
        if (!this.#enabled) throw error;
        return this.#lifted(call).then(() => {
          throw error;
        });
      },
    );
  }

  #lifted(call: Call): Promise<void> {
    assert(this.#enabled, 'only a barrier that is up holds replies back');
    const lifted = new Promise<void>((go) => {
      this.#held.push(go);
    });
    return call.awaits('barrier', NOBODY, lifted);
  }

  writev(call: Call, args: WriteArgs): MaybePromise<WriteReply> {
    const reply = this.next.writev(call, args);
    return ((args.flags | args.fd.flags) & (O_SYNC | O_DSYNC)) === 0 ? reply : this.hold(call, reply);
  }

  override dump(): DumpSection[] {
    const lines = [
      `barrier.enabled=${this.#enabled ? 1 : 0}`,
      `barrier.timeout=${this.options['barrier-timeout']}`,
      `barrier.queue_size=${this.#held.length}`,
    ];
    return [{ title: 'xlator.features.barrier.priv', lines }];
  }
}

const held = FOP_NAMES.filter((name) => fopByName(name).heldByBarrier && !BY_ARGUMENTS.has(name));
intercept(
  BarrierTranslator,
  held,
  (name) =>
    function (call, args) {
      try {
        return this.hold(call, below(this, name)(call, args));
      } catch (error) {
        if (!this.enabled) throw error;
        return this.hold(call, Promise.reject(error));
      }
    },
);
