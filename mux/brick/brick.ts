/**
 * One brick on its worker: its stack of translators, its inode table, its clients, and its state from start to end.
 * Bricks share nothing.
 */

import { AssertionError, assert } from '../../native/assert.js';
import { type ByteString, latin1OfBytes } from '../../native/bytes.js';
import { S_IFDIR } from '../../native/linux.js';
import { describeThrown } from '../base/fault.js';
import { type Logger, loggerFor } from '../base/log.js';
import { Namespaces } from '../fops/namespaces.js';
import { BrickQos } from '../qos/brick-qos.js';
import type { QosRules } from '../qos/rules.js';
import { Call } from '../xlator/call.js';
import type { Fops, MaybePromise } from '../xlator/fops.js';
import type { Gfid } from '../xlator/gfid.js';
import type { Client, Fd, Inode } from '../xlator/inode.js';
import type { BrickContext, Translator, Upcall } from '../xlator/translator.js';
import { type Unapplied, volumeOf } from './brick-facts.js';
import { BrickTimers } from './brick-timers.js';
import { OwnClient } from './client.js';
import { ClientRegistry } from './client-registry.js';
import { InFlightFops } from './in-flight.js';
import { InodeTable } from './inode-table.js';
import type { ServerRules } from './server-rules.js';
import { SlowFops } from './slow-fops.js';
import { type LayerSpec, type Refusal, Stack } from './stack.js';
import { BrickTraffic } from './traffic.js';
import { encodeUpcall } from './upcall-encoding.js';

/** How long a closing brick waits for fops that are in progress, and if its disk is known to hang or has failed. */
const CLOSE_WAIT_MS = 30_000;
const HUNG_WAIT_MS = 1000;

/** Failed: out of service for good, and about to be closed. */
export type BrickState = 'starting' | 'up' | 'failed' | 'closing' | 'closed';

/** The states that each one follows. */
const FOLLOWS: Readonly<Record<BrickState, readonly BrickState[]>> = {
  starting: [],
  up: ['starting'],
  failed: ['starting', 'up'],
  closing: ['starting', 'up', 'failed'],
  closed: ['closing'],
};

export class Brick implements BrickContext {
  readonly name: ByteString;
  /** Of the volume that it belongs to; '' if that is not known. */
  readonly volume: string;
  /** Domain of the session's log lines: the server translator. */
  readonly log: Logger;
  readonly table: InodeTable;
  readonly clients: ClientRegistry;
  readonly inFlight = new InFlightFops();
  readonly traffic: BrickTraffic;
  readonly slow: SlowFops;
  readonly #stack: Stack;
  readonly #namespaces = new Namespaces(this);
  readonly #timers = new BrickTimers();
  readonly #onFailed: (reason: string) => void;
  #state: BrickState = 'starting';
  readonly #self = new OwnClient();
  /** Files and directories that clients have open. */
  openFds = 0;
  /** System calls on the brick's disk, or reads, changes or syncs of them, do not come back. */
  diskHung = false;
  /** Names its disk, which bricks of one file system share; the brick's own name while its file system is not known. */
  disk: string;
  /** Why it accepts no client; '' if it does. */
  withheld = '';
  /** What of its volfile is not in effect. */
  unapplied: readonly Unapplied[] = [];

  /** Scheduler of its tenants; null: its volfile has no user/qos. */
  qos: BrickQos | null = null;
  /** Blocking calls that it may have at a time. */
  #callLimit = 16;
  /** Messages sent to clients. */
  #upcalls = 0;

  rules: ServerRules;
  /** Fops of one connection in progress before its reading pauses. */
  outstandingLimit = 0;

  constructor(
    name: ByteString,
    serverName: string,
    rules: ServerRules,
    layers: LayerSpec[],
    onFailed: (reason: string) => void,
  ) {
    this.name = name;
    this.disk = latin1OfBytes(name);
    this.volume = volumeOf(serverName);
    this.log = loggerFor(serverName);
    this.#onFailed = onFailed;
    this.traffic = new BrickTraffic(this);
    this.slow = new SlowFops(this);
    this.inFlight.onListed = () => this.slow.watch();
    this.clients = new ClientRegistry(this);
    this.table = new InodeTable(rules.inodeLruLimit, (inode) => {
      for (const layer of this.layers) {
        try {
          layer.forget(inode);
        } catch (thrown) {
          this.faulted(`${layer.name}: forgetting an inode`, thrown);
        }
      }
    });
    this.rules = rules;
    this.applyRules(rules);
    this.#stack = new Stack(layers, this);
  }

  get top(): Fops {
    return this.#stack.top;
  }
  get storage(): Fops {
    return this.#stack.storage;
  }
  get layers(): readonly Translator[] {
    return this.#stack.layers;
  }
  get root(): Inode {
    return this.table.root;
  }

  // --- life cycle --------------------------------------------------------------------------------------------------

  get failed(): boolean {
    return this.#state === 'failed';
  }

  #become(state: BrickState): void {
    assert(FOLLOWS[state].includes(this.#state), 'a brick starts, serves or fails, closes, in that order');
    this.#state = state;
  }

  async init(): Promise<void> {
    await this.#stack.init();
    if (!this.failed) this.#become('up');
  }

  fail(reason: string): void {
    if (this.#state !== 'starting' && this.#state !== 'up') return;
    this.#become('failed');
    this.#onFailed(reason);
  }

  /** Handles an unexpected exception in the brick. what: what it was doing. */
  faulted(what: string, thrown: unknown): void {
    this.log.error(115000, `${this.name}: ${what} has failed: ${describeThrown(thrown)}`);
    this.checkInvariant(what, thrown);
  }

  /** Takes the brick out of service if `thrown` is a failed assertion: what relies on the invariant can no longer be trusted. */
  checkInvariant(what: string, thrown: unknown): void {
    if (thrown instanceof AssertionError) this.fail(`${what}: ${thrown.message}`);
  }

  /** Ends the brick: clients are disconnected, fops in progress finish, translators end. */
  async close(): Promise<void> {
    const { failed } = this;
    this.#become('closing');
    await this.clients.disconnected('brick is detached');
    for (const layer of this.layers) layer.closing();
    const waitMs = this.diskHung || failed ? HUNG_WAIT_MS : CLOSE_WAIT_MS;
    const beganMs = performance.now();
    const left = await this.inFlight.idle(waitMs);
    if (left > 0) {
      const seconds = Math.round((performance.now() - beganMs) / 1000);
      const text = `${this.name}: ${left} fops still in progress after ${seconds} s: closing without them`;
      this.log.warning(115000, text);
    }
    this.slow.stop();
    this.inFlight.onListed = null;
    this.qos?.close();
    this.#timers.cancelAll();
    await this.#stack.fini();
    this.table.clear();
    this.#become('closed');
  }

  // --- changes at run time -----------------------------------------------------------------------------------------

  applyRules(rules: ServerRules): void {
    this.rules = rules;
    this.outstandingLimit = rules.outstandingRpcLimit > 0 ? rules.outstandingRpcLimit : Number.POSITIVE_INFINITY;
    this.table.limit = rules.inodeLruLimit;
    for (const session of this.clients.sessions) session.outstandingLimitChanged();
  }

  /** Gives the translators new options. Returns the refusals. */
  reconfigure(optionsOf: (layer: Translator) => unknown): Promise<Refusal[]> {
    return this.#stack.reconfigure(optionsOf);
  }

  /** Accepts no client from now on, for that reason, and disconnects all; '': accepts clients again. */
  withhold(reason: string): void {
    if (reason === '' && this.withheld !== '') this.log.info(0, `brick ${this.name} serves again`);
    this.withheld = reason;
    if (reason !== '') this.clients.disconnect(reason);
  }

  /** Why it accepts no client; '' if it does. */
  get refusal(): string {
    return this.#state === 'closing' || this.#state === 'closed' ? 'the brick is being detached' : this.withheld;
  }

  /** Schedules its fops by these rules from now on; null: not at all. */
  schedule(rules: QosRules | null, volumeId: string): void {
    if (rules === null) {
      const { qos } = this;
      // Queued fops run at once, without a scheduler.
      qos?.close();
      this.qos = null;
      return;
    }
    if (this.qos === null) this.qos = new BrickQos(this, volumeId, rules);
    else this.qos.configure(rules);
    this.qos.limitCalls(this.#callLimit);
  }

  // --- BrickContext -------------------------------------------------------------------------------------------------

  hasLayer(type: string): boolean {
    return this.layers.some((layer) => layer.type === type);
  }
  findInode(key: string): Inode | undefined {
    return this.table.get(key);
  }
  findChild(parent: Inode, name: string): Inode | undefined {
    return this.table.child(parent, name);
  }
  adoptInode(gfid: Gfid, mode: number): Inode {
    return this.table.intern(gfid, mode);
  }
  learnName(parent: Inode, name: string, gfid: Gfid, mode: number): Inode {
    return this.table.link(parent, name, gfid, mode);
  }
  namespaceOf(inode: Inode): MaybePromise<Inode> {
    return this.#namespaces.of(inode);
  }
  upcall(client: Client, message: Upcall): void {
    for (const session of this.clients.sessions) {
      if (session.client !== client) continue;
      // A failing upcall must not fail the fop that caused it.
      try {
        this.#upcalls = (this.#upcalls + 1) >>> 0;
        session.callback((w) => encodeUpcall(w, this.#upcalls, message));
        for (const layer of this.layers) layer.upcallSent(message);
      } catch (thrown) {
        this.faulted(`an upcall to ${client.uid}`, thrown);
      }
      return;
    }
  }
  guardChange(call: Call): void {
    for (const layer of this.layers) layer.guardChange(call);
  }
  onDevice(device: number): void {
    this.disk = `device ${device}`;
  }
  diskHangs(hangs: boolean): void {
    this.diskHung = hangs;
    if (hangs) this.inFlight.shortenWait(HUNG_WAIT_MS);
  }
  limitCalls(limit: number): void {
    this.#callLimit = limit;
    this.qos?.limitCalls(limit);
    for (const layer of this.layers) layer.limitCalls(limit);
  }
  timer(delayMs: number, repeat: boolean, callback: () => void): () => void {
    return this.#timers.add(delayMs, repeat, () => {
      try {
        callback();
      } catch (thrown) {
        this.faulted('a timer', thrown);
      }
    });
  }

  // --- calls of its own, and fds ------------------------------------------------------------------------------------

  /** A call as root, on behalf of no client, that is not counted as a fop in progress. */
  ownCall(): Call {
    return new Call(this.#self, 0);
  }

  /** Runs work of the server itself on behalf of a client, as root and as a fop in progress. */
  async internally<T>(client: Client, fop: number, work: (call: Call) => Promise<T>): Promise<T> {
    const call = new Call(client, fop);
    this.inFlight.started();
    try {
      return await work(call);
    } finally {
      call.end(this.releaseFd);
      this.inFlight.ended();
    }
  }

  /** The same on behalf of nobody. */
  byItself<T>(work: (call: Call) => Promise<T>, inode?: Inode): Promise<T> {
    return this.internally(this.#self, 0, (call) => {
      if (inode !== undefined) call.hold(inode);
      return work(call);
    });
  }

  /** An fd now belongs to a client's table: its inode stays known. */
  fdOpened(fd: Fd): void {
    fd.inode.ref();
    fd.inode.fdCount++;
    this.openFds++;
  }

  /** Ends an fd: every translator releases its state of it. */
  readonly releaseFd = (fd: Fd): void => {
    const directory = fd.inode.type === S_IFDIR;
    fd.release();
    if (!fd.anonymous) {
      fd.inode.fdCount--;
      this.openFds--;
      assert(fd.inode.fdCount >= 0 && this.openFds >= 0, 'no more fds are released than were opened');
    }
    for (const layer of this.layers) {
      try {
        if (directory) layer.releasedir(fd);
        else layer.release(fd);
      } catch (thrown) {
        this.faulted(`${layer.name}: releasing an fd`, thrown);
      }
    }
    if (!fd.anonymous) {
      fd.inode.unref();
      this.table.released(fd.inode);
    }
  };
}
