/**
 * features/marker: two translators in one, as volfiles have it: change times for geo-replication above accounting for quota. Each
 * part is a translator like any other, linked here as the stack links translators, and past a part for the fops that it does not
 * want. Both have the slot of this translator: the state of inodes and fds is the change times'.
 */
import type { Call } from '../../../../mux/xlator/call.js';
import { FOP_NAMES } from '../../../../mux/xlator/fop-table.js';
import type { FopName, Fops } from '../../../../mux/xlator/fops.js';
import type { Client, Fd, Inode } from '../../../../mux/xlator/inode.js';
import { intercept } from '../../../../mux/xlator/intercept.js';
import {
  type DumpSection,
  type LayerNumbers,
  Translator,
  type TranslatorInit,
} from '../../../../mux/xlator/translator.js';
import type { Options } from './options.js';
import { QuotaAccounting } from './quota/quota-accounting.js';
import { ChangeTimes } from './xtime/change-times.js';

export class MarkerTranslator extends Translator<Options> {
  readonly #quota: QuotaAccounting;
  readonly #xtime: ChangeTimes;
  /** Top to bottom. */
  readonly #parts: readonly Part[];
  /** What `#top` was linked above: the stack gives another one whenever links may have changed. */
  #linkedAbove: Fops | null = null;
  #top!: Fops;

  constructor(init: TranslatorInit<Options>) {
    super(init);
    this.#quota = new QuotaAccounting(init);
    this.#xtime = new ChangeTimes(init);
    this.#parts = [this.#xtime, this.#quota];
  }

  /** Where calls enter the parts. */
  get top(): Fops {
    if (this.#linkedAbove === this.next) return this.#top;
    let below = this.next;
    for (const part of this.#parts.toReversed()) below = linkAbove(part, below);
    this.#linkedAbove = this.next;
    return (this.#top = below);
  }

  override wants(fop: FopName): boolean {
    return this.top[fop] !== this.next[fop];
  }

  override async init(): Promise<void> {
    for (const part of this.#parts.toReversed()) await part.init();
  }
  override async reconfigure(options: Options): Promise<void> {
    this.options = options;
    for (const part of this.#parts) await part.reconfigure(options);
  }
  override closing(): void {
    for (const part of this.#parts) part.closing();
  }
  override async fini(): Promise<void> {
    for (const part of this.#parts) await part.fini();
  }
  override forget(inode: Inode): void {
    for (const part of this.#parts) part.forget(inode);
  }
  override release(fd: Fd): void {
    for (const part of this.#parts) part.release(fd);
  }
  override releasedir(fd: Fd): void {
    for (const part of this.#parts) part.releasedir(fd);
  }
  override clientGone(client: Client): void {
    for (const part of this.#parts) part.clientGone(client);
  }
  override count(numbers: LayerNumbers): void {
    for (const part of this.#parts) part.count(numbers);
  }
  override dump(): DumpSection[] {
    return this.#parts.flatMap((part) => part.dump());
  }
}

type Part = Translator<Options> & Partial<Fops>;

/** Links a part above the fops below it; returns the fops that the layer above gets. */
function linkAbove(part: Part, below: Fops): Fops {
  part.next = below;
  const fops: Partial<Fops> = part;
  const wanted = FOP_NAMES.filter((name) => fops[name] !== undefined && part.wants(name));
  if (wanted.length === 0) return below;
  const above: Fops = { ...below };
  for (const name of wanted) link(name, fops, above);
  return above;
}

function link<F extends FopName>(name: F, part: Partial<Fops>, into: Fops): void {
  const method = part[name];
  if (method !== undefined) into[name] = method.bind(part) as Fops[F];
}

intercept(
  MarkerTranslator,
  FOP_NAMES,
  (name) =>
    function (call: Call, args) {
      return (this.top[name] as (call: Call, args: unknown) => never)(call, args);
    },
);
