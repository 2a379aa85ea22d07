/** Accounting while quota is on, under one version of the xattrs. */
import { type Logger, loggerFor } from '../../../../../mux/base/log.js';
import { withinMs } from '../../../../../mux/base/within.js';
import type { Dict } from '../../../../../mux/xlator/dict.js';
import { gfidKey } from '../../../../../mux/xlator/gfid.js';
import type { Iatt } from '../../../../../mux/xlator/iatt.js';
import type { Inode } from '../../../../../mux/xlator/inode.js';
import type { Translator } from '../../../../../mux/xlator/translator.js';
import { figuresOf, same } from './figures.js';
import { QuotaRecords } from './quota-records.js';
import type { QuotaNames } from './quota-xattrs.js';
import { Recounts } from './recounts.js';
import { QuotaRemovals } from './removals.js';
import { Settling } from './settling.js';

/** How long a request for a size waits until earlier changes are counted. */
const ASK_MS = 1000;
/** How long the end of the brick waits for it. */
const END_MS = 5000;

export class Accounting {
  readonly settling: Settling;
  readonly recounts: Recounts;
  readonly removals: QuotaRemovals;
  readonly records: QuotaRecords;
  readonly #brickName: string;
  readonly #log: Logger;
  /** Whose records have been compared with what they are since the brick started, and directories with whose entries that was done. */
  readonly #checked = new WeakSet<Inode>();
  readonly #listed = new WeakSet<Inode>();

  constructor(layer: Translator, names: QuotaNames) {
    const { brick } = layer;
    this.#log = loggerFor(layer.name);
    this.#brickName = String(brick.name);
    this.records = new QuotaRecords(brick, names);
    this.settling = new Settling(
      this.records,
      this.#log,
      (directory) => this.recounts.add(directory),
      (key) => this.recounts.owes(key),
    );
    this.recounts = new Recounts(this.settling, this.#log);
    this.removals = new QuotaRemovals(this.settling, this.#log, brick.hasLayer('features/trash'));
  }

  /** Counts what was never counted, or what a crash has left in doubt, from the root. */
  async start(): Promise<void> {
    const { root } = this.records.brick;
    const record = await this.records.asBrick((call) => this.records.read(call, root));
    if (record === null || (record.size !== null && !record.dirty)) return;
    const why = record.size === null ? 'have never been counted' : 'were being changed when the brick ended';
    this.#log.info(0, `${this.#brickName}: the sizes of directories ${why}: counting them for quota`);
    this.recounts.add(root);
  }

  /** Resolves once all changes until now are on record, or after a while. */
  async settled(): Promise<void> {
    if (this.settling.waiting > 0) await withinMs(this.settling.settled(), ASK_MS);
  }

  /** What was changed is on record then, unless the disk hangs. */
  async end(): Promise<void> {
    await withinMs(this.recounts.end(), END_MS);
    if (await withinMs(this.settling.end(), END_MS)) return;
    const text = `${this.#brickName}: sizes of directories for quota are still not on disk after ${END_MS / 1000} s: closing without them`;
    this.#log.warning(0, `${text}; they are counted again at the next start`);
  }

  isChecked(inode: Inode): boolean {
    return this.#checked.has(inode);
  }

  /** Compares what a file has on record with what it is, and soon will be if it grows. directory: one that has a name of it. */
  check(directory: Inode | null, stat: Iatt, answer: Dict | null, grows: boolean): void {
    const record = this.records.record(stat, answer);
    const given = directory === null ? undefined : record.contributions.get(directory.key);
    if (!stat.isDirectory) {
      const gives = figuresOf(stat);
      const right = gives === null ? given === undefined : given !== undefined && same(given, gives);
      if (directory !== null && (grows || !right)) this.settling.touchIn(directory, stat);
      return;
    }
    const key = gfidKey(stat.gfid);
    if (this.settling.expects(key)) return;
    if (record.size === null || record.dirty) {
      this.recounts.add(this.records.directory(key));
    } else if (directory !== null && (given === undefined || !same(given, record.size))) {
      this.settling.touchIn(directory, stat);
    }
  }

  /** It has been compared: not again until the table forgets it. */
  checked(inode: Inode): void {
    this.#checked.add(inode);
  }
  isListed(directory: Inode): boolean {
    return this.#listed.has(directory);
  }
  listed(directory: Inode): void {
    this.#listed.add(directory);
  }
}
