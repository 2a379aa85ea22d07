/**
 * Chooses which clients the metrics report one by one: a bounded number, however many connect. A client keeps its place
 * while it is active. What a client did before it got its place stays in the sum of all others, so that no counter ever
 * decreases.
 */
import type { Inode } from '../xlator/inode.js';

/** Clients that a brick reports one by one. */
export const TOP_CLIENTS = 20;
/** A client that was idle for this time loses its place to an active one. */
const IDLE_MS = 300_000;

export class ClientPlace {
  has = false;
  /** Fops that it had called when it was given its place. */
  from = 0;
  /** Fops that it had called when last sampled; below zero: never sampled. */
  seen = -1;
  /** When it was last found active, by performance.now(). */
  activeAt = 0;
  /** Fops between the last two samples. */
  recent = 0;
}

/** What is asked of a client. */
export interface Placed {
  readonly fops: number;
  readonly alive: boolean;
  readonly place: ClientPlace;
}

export class ClientPlaces<C extends Placed = Placed> {
  readonly #told = new Set<C>();
  /** Fops reported for clients that have lost their place. */
  #before = 0;

  #leave(client: C): void {
    this.#told.delete(client);
    this.#before += client.fops - client.place.from;
    client.place.has = false;
  }

  /** Samples all clients and assigns free places. Returns the clients that have one. */
  assign(clients: Iterable<C>, nowMs = performance.now()): ReadonlySet<C> {
    for (const client of this.#told) if (!client.alive) this.#leave(client);
    const waiting: C[] = [];
    for (const client of clients) {
      const { place } = client;
      place.recent = client.fops - Math.max(place.seen, 0);
      if (place.recent > 0) place.activeAt = nowMs;
      if (!place.has) waiting.push(client);
    }
    if (waiting.length > 0) this.#giveOut(waiting, nowMs);
    for (const client of waiting) client.place.seen = client.fops;
    for (const client of this.#told) client.place.seen = client.fops;
    return this.#told;
  }

  #giveOut(waiting: C[], nowMs: number): void {
    waiting.sort((a, b) => b.place.recent - a.place.recent);
    for (const client of waiting) {
      if (this.#told.size === TOP_CLIENTS) {
        const idle = client.place.recent > 0 && [...this.#told].find((c) => nowMs - c.place.activeAt >= IDLE_MS);
        if (!idle) return;
        this.#leave(idle);
      }
      const { place } = client;
      // A new client's fops are not in the sum of the others yet.
      place.from = place.seen < 0 ? 0 : client.fops;
      place.has = true;
      place.activeAt = nowMs;
      this.#told.add(client);
    }
  }

  /** Of so many fops, those that were never reported for a single client. */
  untold(fops: number): number {
    let sum = fops - this.#before;
    for (const client of this.#told) sum -= client.fops - client.place.from;
    return Math.max(0, sum);
  }
}

/** Files that are followed of a client. */
const FILES = 8;

/** Which files a client works on most, by samples of its fops: what it has worked on of late outweighs what was before. */
export class FileSamples {
  readonly #inodes: (Inode | null)[] = new Array<Inode | null>(FILES).fill(null);
  readonly #counts = new Float64Array(FILES);

  /** One sample. */
  note(inode: Inode | null): void {
    if (inode === null) return;
    const counts = this.#counts;
    let at = this.#inodes.indexOf(inode);
    if (at < 0) {
      // The one with the fewest makes room and passes its count on: what is really busy gets ahead of it.
      at = counts.indexOf(Math.min(...counts));
      this.#inodes[at] = inode;
    }
    counts[at] = (counts[at] ?? 0) + 1;
  }

  /** The busiest, with its share of the samples; null: none was taken. Halves what has been counted. */
  busiest(): { inode: Inode; share: number } | null {
    const counts = this.#counts;
    const most = Math.max(...counts);
    const sum = counts.reduce((all, n) => all + n, 0);
    const inode = this.#inodes[counts.indexOf(most)] ?? null;
    for (let i = 0; i < FILES; i++) counts[i] = (counts[i] ?? 0) / 2;
    return inode === null || sum === 0 ? null : { inode, share: most / sum };
  }
}
