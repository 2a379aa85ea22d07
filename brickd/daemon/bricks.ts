/**
 * The bricks of the process and their volfiles: attach, reconfigure, detach. Requests for one brick run in order;
 * bricks do not wait for each other. Every request is answered in bounded time, whatever the brick's disk does.
 */

import { BrickError, type BrickErrorCode } from '../../mux/base/brick-error.js';
import { event, loggerFor } from '../../mux/base/log.js';
import { unappliedText } from '../../mux/brick/brick-facts.js';
import { type ByteString, bytesOfLatin1, latin1OfBytes, NO_BYTES } from '../../native/bytes.js';
import { ENOENT } from '../../native/errno.js';
import type { BrickArguments } from '../arguments/brick-arguments.js';
import type { BrickServer, BrickSpec } from '../brick-server.js';
import { type Management, VolfileRefused } from '../glusterd/management.js';
import {
  digestOf,
  type StoredVolfile,
  type VolfileFacts,
  VolfileStore,
  volfileFacts,
} from '../glusterd/volfile-store.js';
import type { DaemonLog } from '../log/open.js';
import { BrickSerializer, Slots, within } from './brick-serializer.js';
import { readVolfile, volfileIdOf } from './volfile-path.js';
import { VolfileRefresh } from './volfile-refresh.js';

const log = loggerFor('glusterfsd-mgmt');
/** Tries to fetch a changed volfile before the round continues without it. */
const REFETCH_TRIES = 8;
/** Bricks that are started at a time: more than the workers can do, because some may hang. */
const ATTACHES = 32;

export interface Waits {
  /** A detach that takes longer continues in the background, and the caller is told so. */
  detachMs: number;
  /** An attach that takes longer has failed; if the brick starts nevertheless, it is detached again. */
  attachMs: number;
}
const WAITS: Waits = { detachMs: 10_000, attachMs: 60_000 };

/** absent: there was no such brick. late: it is still being detached, in the background. */
export type Departure = 'gone' | 'late' | 'absent';

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class Bricks {
  readonly #args: BrickArguments;
  readonly #server: BrickServer;
  readonly #log: DaemonLog;
  readonly #waits: Waits;
  readonly volfiles = new VolfileStore();
  readonly #serializer = new BrickSerializer();
  readonly #slots = new Slots(ATTACHES);
  readonly #refresh: VolfileRefresh;
  /** How many attaches and detaches of a brick are not answered yet. */
  readonly #coming = new Map<ByteString, number>();
  readonly #leaving = new Map<ByteString, number>();
  /** Bricks whose detach has timed out. */
  readonly #lost = new Set<ByteString>();
  /** The server's option `statedump-path`, of the volfile read last. */
  statedumpPath = NO_BYTES;
  /** Called when the last brick has left and none is coming. */
  onEmpty: () => void = () => {};

  constructor(
    args: BrickArguments,
    server: BrickServer,
    daemonLog: DaemonLog,
    management: Management | null,
    waits: Waits = WAITS,
  ) {
    this.#args = args;
    this.#server = server;
    this.#log = daemonLog;
    this.#waits = waits;
    this.#refresh = new VolfileRefresh({
      fetch: ({ id, brick }) => management?.fetchVolfile(id, brick, REFETCH_TRIES) ?? readAgain(bytesOfLatin1(id)),
      reachable: () => management === null || management.connected,
      all: () => this.volfiles.all(),
      apply: (stored, text) => this.#change(stored, text),
    });
  }

  /** Bricks that are served and are not being detached. */
  staying(): ByteString[] {
    return this.#server.bricks().filter((brick) => !this.#leaving.has(brick) && !this.#lost.has(brick));
  }

  /** Served, or being attached. */
  knows(brick: ByteString): boolean {
    return this.#coming.has(brick) || this.#server.bricks().includes(brick);
  }

  /** True when no brick is left and none is being attached or detached. */
  get empty(): boolean {
    return this.#coming.size === 0 && this.#leaving.size === 0 && this.staying().length === 0;
  }

  /**
   * Starts a brick from the text of its volfile and logs its graph. One that already runs with the same volfile-id takes
   * over the changes. Throws what makes that impossible.
   */
  async attach(volfileId: string, text: string): Promise<VolfileFacts> {
    const facts = volfileFacts(text, volfileId, this.#args.xlatorOptions);
    count(this.#coming, facts.brick, 1);
    try {
      await this.#attachInTime(facts, volfileId, text);
      return facts;
    } finally {
      count(this.#coming, facts.brick, -1);
    }
  }

  /** As {@link attach}, from a volfile on the local disk, which is how glusterd attaches further bricks. */
  async attachFile(path: ByteString): Promise<VolfileFacts> {
    try {
      // Read at once: from here on the brick's name is known, and requests for it keep their order.
      return await this.attach(volfileIdOf(path), readVolfile(path));
    } catch (error) {
      if (this.empty) this.onEmpty();
      throw error;
    }
  }

  /**
   * Detaches a brick. Resolves when it is gone, or after a while if that takes longer. leave: run at its turn, and
   * waited for as well.
   */
  async detach(brick: ByteString, leave: () => Promise<void> = async () => {}): Promise<Departure> {
    if (!this.knows(brick)) return 'absent';
    count(this.#leaving, brick, 1);
    const gone = this.#serializer.run(brick, async (): Promise<Departure> => {
      if (!this.#server.bricks().includes(brick)) return 'absent';
      const left = leave();
      await this.#server.detach(brick);
      this.volfiles.dropBrick(brick);
      await left;
      return 'gone';
    });
    gone.then(
      () => this.#lost.delete(brick),
      (error: unknown) => {
        if (this.#lost.delete(brick)) log.error(0, event('detaching failed', { brick, reason: reasonOf(error) }));
      },
    );
    try {
      return await within(this.#waits.detachMs, gone, () => {
        this.#lost.add(brick);
        log.warning(0, event('detaching takes long and continues in the background', { brick }));
        return 'late';
      });
    } finally {
      count(this.#leaving, brick, -1);
      if (this.empty) this.onEmpty();
    }
  }

  /** Fetches every volfile again, from the local disk without glusterd, and applies what has changed. */
  refresh(): void {
    this.#refresh.notice();
  }

  /** Resolves when nothing is in progress. */
  async idle(): Promise<void> {
    await this.#refresh.idle();
    await this.#serializer.idle();
  }

  // --- attach -------------------------------------------------------------------------------------------------------

  async #attachInTime(facts: VolfileFacts, volfileId: string, text: string): Promise<void> {
    const { brick } = facts;
    const ms = this.#waits.attachMs;
    let givenUp = false;
    const turn = signal();
    const begun = signal();
    const run = this.#serializer.run(brick, async () => {
      if (givenUp) return;
      turn.give();
      await this.#slots.take();
      begun.give();
      try {
        await this.#bringUp(facts, volfileId, text);
      } finally {
        if (!givenUp) this.#slots.give();
      }
      if (!givenUp) return;
      log.warning(0, event('the brick started too late and is detached again', { brick }));
      await this.#server.detach(brick);
      this.volfiles.dropBrick(brick);
    });
    run.catch((error: unknown) => {
      if (givenUp) log.error(0, event('a late attach failed', { brick, reason: reasonOf(error) }));
    });
    await within(ms, turn.given, () => {
      givenUp = true;
      throw brickError(
        'BRICK_BUSY',
        brick,
        `what was asked for it before is not done after ${ms / 1000} s: its disk seems to hang`,
      );
    });
    await begun.given;
    await within(ms, run, () => {
      givenUp = true;
      this.#slots.give();
      throw brickError('BRICK_START_TIMEOUT', brick, `it is not up after ${ms / 1000} s: its disk seems to hang`);
    });
  }

  async #bringUp(facts: VolfileFacts, volfileId: string, text: string): Promise<void> {
    const { brick } = facts;
    const spec = this.#spec(brick, volfileId, text);
    if (this.#server.bricks().includes(brick)) await this.#again(spec);
    else await this.#server.attach(spec);
    this.volfiles.put(volfileId, brick, text);
    this.#applyProcessOptions(facts);
    const graph = this.#server.finalGraph(brick);
    if (graph !== '') this.#log.raw(graph.endsWith('\n') ? graph : `${graph}\n`);
  }

  /**
   * An attach of a brick that is served: glusterd has lost the reply to the first one. A refusal would make it treat the
   * brick as stopped.
   */
  async #again(spec: BrickSpec): Promise<void> {
    const { brick, volfileId } = spec;
    const served = this.volfiles.ofBrick(brick);
    if (served !== undefined && served.id !== volfileId) {
      throw brickError(
        'BRICK_ALREADY_SERVED',
        brick,
        `the brick is already being served, with volfile-id ${served.id}`,
      );
    }
    log.info(0, event('the brick is already being served', { brick, 'volfile-id': volfileId }));
    if (served?.digest === digestOf(spec.volfile)) return;
    const reason = await this.#server.reconfigure(spec).then(
      (unapplied) => unapplied.map(unappliedText).join('; '),
      (error: unknown) => reasonOf(error),
    );
    if (reason === '') return;
    log.warning(0, event('restarting the brick for its changed volfile', { brick, reason }));
    await this.#server.detach(brick);
    this.volfiles.dropBrick(brick);
    await this.#server.attach(spec);
  }

  // --- change -------------------------------------------------------------------------------------------------------

  #change({ id, brick }: StoredVolfile, text: string): void {
    const digest = digestOf(text);
    const work = async (): Promise<void> => {
      const now = this.volfiles.get(id);
      if (now === undefined || now.digest === digest) return;
      const unapplied = await this.#server.reconfigure(this.#spec(brick, id, text));
      this.volfiles.put(id, brick, text);
      this.#applyProcessOptions(volfileFacts(text, id, this.#args.xlatorOptions));
      const lacking = unapplied.length > 0 ? { unapplied: unapplied.length } : {};
      log.info(0, event('volfile applied to the running brick', { brick, 'volfile-id': id, ...lacking }));
    };
    this.#serializer.run(brick, work).catch((error: unknown) => {
      // The next text must be applied even if it equals the served one.
      this.volfiles.outdate(id);
      const reason = reasonOf(error);
      log.error(
        0,
        event('the changed volfile was not applied, the brick continues with the previous one', { brick, reason }),
      );
    });
  }

  #spec(brick: ByteString, volfileId: string, volfile: string): BrickSpec {
    return { brick, volfileId, volfile, overrides: this.#args.xlatorOptions };
  }

  #applyProcessOptions(facts: VolfileFacts): void {
    this.statedumpPath = facts.statedumpPath;
    // Where bricks share the process, the log level of one must not affect the others.
    this.#log.applyOptions(facts.brickOptions, this.#args.brickMux ? [latin1OfBytes(facts.brick), facts.volume] : []);
  }
}

/** The volfile of a brick without glusterd, whose id is a path. If it cannot be read, it is not retried. */
async function readAgain(path: ByteString): Promise<string> {
  try {
    return readVolfile(path);
  } catch (error) {
    throw new VolfileRefused(ENOENT, reasonOf(error));
  }
}

function count(map: Map<ByteString, number>, key: ByteString, change: 1 | -1): void {
  const next = (map.get(key) ?? 0) + change;
  if (next === 0) map.delete(key);
  else map.set(key, next);
}

function signal(): { given: Promise<void>; give: () => void } {
  let give: () => void = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

const brickError = (code: BrickErrorCode, brick: ByteString, message: string): BrickError =>
  new BrickError(code, brick, { message: `brick ${brick}: ${message}` });
