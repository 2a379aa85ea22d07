/**
 * All statistics of io-stats for one brick: counters since the start and of the current interval, busy files and open
 * files.
 */
import { BusyFiles } from './busy-files.js';
import { Counters } from './counters.js';
import { OpenFileCount } from './open-file-count.js';

export class Statistics {
  readonly cumulative = new Counters();
  /** Since profile info was last asked for. */
  readonly interval = new Counters();
  readonly files: BusyFiles;
  readonly openFiles = new OpenFileCount();
  /** Number of the interval. */
  #increment = 0;

  /** slot: of the translator's state of inodes. */
  constructor(slot: number) {
    this.files = new BusyFiles(slot);
  }

  get increment(): number {
    return this.#increment;
  }
  /** Begins a new interval. */
  nextInterval(): void {
    this.#increment++;
    this.interval.clear();
  }

  /** Notes a fop by its GF_FOP_* number that took so many nanoseconds. */
  record(fop: number, ns: number): void {
    this.cumulative.record(fop, ns);
    this.interval.record(fop, ns);
  }
  /** Notes one whose time nobody measures. */
  hit(fop: number): void {
    this.cumulative.hit(fop);
    this.interval.hit(fop);
  }
  read(bytes: number): void {
    this.cumulative.read(bytes);
    this.interval.read(bytes);
  }
  wrote(bytes: number): void {
    this.cumulative.wrote(bytes);
    this.interval.wrote(bytes);
  }
  upcall(number: number): void {
    this.cumulative.upcall(number);
    this.interval.upcall(number);
  }

  /** Counts all fops again, and how many files are open at most. */
  clear(): void {
    this.cumulative.clear();
    this.interval.clear();
    this.openFiles.clear();
    this.#increment = 0;
  }
}
