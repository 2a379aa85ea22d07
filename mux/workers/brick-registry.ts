/**
 * The bricks of the process as the main thread knows them. States of a brick:
 *
 *        attached ──> up <──────> returning        its worker has failed, the supervisor starts it again
 *                     │ │             │ │
 *           detach    │ └─> failed <──┘ │          its disk is gone, or the supervisor has given it up
 *                     v        │        │
 *                  stopping <──┼────────┘          it is being detached
 *                     │        v
 *                     └─────> gone                 no longer registered
 */
import { assert, defined } from '../../native/assert.js';
import type { ByteString } from '../../native/bytes.js';
import type { AuthRules } from '../brick/auth.js';
import { authRules, type BrickFacts, type Unapplied, volumeOf, withheldBy } from '../brick/brick-facts.js';
import type { HandshakeBrick } from '../handshake/handshake.js';
import type { TlsProfile } from '../tls/tls-profile.js';
import { StoredTask } from './stored-task.js';
import type { BrickTask } from './worker-protocol.js';

type LifeState = 'up' | 'returning' | 'stopping' | 'failed' | 'gone';

const NEXT_STATES: Readonly<Record<LifeState, readonly LifeState[]>> = {
  up: ['returning', 'stopping', 'failed'],
  returning: ['up', 'stopping', 'failed'],
  stopping: ['gone'],
  failed: ['gone'],
  gone: [],
};

export class RegisteredBrick implements HandshakeBrick {
  readonly volfileId: string;
  /** What the brick was started with, or given last: what it starts with again. */
  #task: StoredTask;
  #facts: BrickFacts;
  #auth: AuthRules;
  #state: LifeState = 'up';
  /** Called when the brick is no longer returning. */
  readonly #waiting: (() => void)[] = [];
  /** Under way while the supervisor starts it again; never rejects. */
  #restart: Promise<void> = Promise.resolve();
  /** Why the last volfile could not be used at all; '' if it could. */
  #unusable = '';

  constructor(task: BrickTask, facts: BrickFacts) {
    this.#task = new StoredTask(task);
    this.volfileId = task.volfileId;
    this.#facts = facts;
    this.#auth = authRules(facts);
  }

  // --- life ---------------------------------------------------------------------------------------------------------

  get state(): LifeState {
    return this.#state;
  }
  get up(): boolean {
    return this.#state === 'up' || this.#state === 'stopping';
  }
  get stopping(): boolean {
    return this.#state === 'stopping';
  }
  get returning(): boolean {
    return this.#state === 'returning';
  }
  /** Served, or about to be again. */
  get wanted(): boolean {
    return this.#state === 'up' || this.#state === 'returning';
  }

  #become(next: LifeState): void {
    assert(NEXT_STATES[this.#state].includes(next), 'a brick on the main thread goes through its states in order');
    this.#state = next;
    if (next === 'returning' || next === 'stopping') return;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Its worker has failed. */
  workerLost(): void {
    if (this.#state === 'up') this.#become('returning');
  }

  /** The supervisor starts it again, in a new worker. */
  async restart(start: (task: BrickTask) => Promise<BrickFacts>): Promise<void> {
    const starting = start({ ...this.#task.task, again: true });
    this.#restart = starting.then(
      () => {},
      () => {},
    );
    this.#take(await starting);
    if (this.#state === 'returning') this.#become('up');
  }

  /** It does not come back. Returns whether that is news to somebody. */
  fail(): boolean {
    if (!this.wanted) return false;
    this.#become('failed');
    return true;
  }

  /** It is being detached. Resolves when no start of it is under way. */
  async stop(): Promise<void> {
    const { returning } = this;
    if (this.wanted) this.#become('stopping');
    if (returning) await this.#restart;
  }

  /** It is stopped, or has failed, and is no longer registered. */
  removed(): void {
    this.#become('gone');
  }

  /** Resolves when the brick is not returning any more: it is up, or has failed, or is gone. At the latest after that time. */
  waitUntilUp(limitMs: number): Promise<void> {
    if (this.#state !== 'returning') return Promise.resolve();
    return new Promise((resolve) => {
      const timer = limitMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(resolve, limitMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  // --- facts --------------------------------------------------------------------------------------------------------

  get name(): ByteString {
    return this.#facts.brick;
  }
  get auth(): AuthRules {
    return this.#auth;
  }
  get unapplied(): readonly Unapplied[] {
    const { unapplied } = this.#facts;
    if (this.#unusable === '') return unapplied;
    return [...unapplied, { volume: '', option: '', value: '', reason: this.#unusable, guards: false }];
  }
  get withheld(): string {
    return withheldBy(this.#facts.unapplied);
  }
  get tls(): TlsProfile | null {
    return this.#facts.tls;
  }
  get serverName(): string {
    return this.#facts.serverName;
  }
  get volumeId(): string | undefined {
    return this.#facts.volumeId;
  }

  /** A changed volfile is in effect, as far as the facts say. */
  reconfigured(task: BrickTask, facts: BrickFacts): void {
    this.#task = new StoredTask(task);
    this.#unusable = '';
    this.#take(facts);
  }

  /** A changed volfile could not be used at all. */
  notReconfigured(reason: string): void {
    this.#unusable = reason;
  }

  #take(facts: BrickFacts): void {
    // Nobody asks for the graph a second time.
    this.#facts = { ...facts, finalGraph: '' };
    this.#auth = authRules(facts);
  }

  /** The graph as volfile text: handed out once, '' from then on. */
  takeFinalGraph(): string {
    const text = this.#facts.finalGraph;
    this.#facts.finalGraph = '';
    return text;
  }

  /** As metrics and the status page have it. */
  summary() {
    const life = this.#state;
    assert(life !== 'gone', 'a registered brick is not gone');
    const state: Exclude<LifeState, 'gone'> | 'withheld' = life === 'up' && this.withheld !== '' ? 'withheld' : life;
    const { name: brick, volfileId, unapplied } = this;
    return { brick, volume: volumeOf(this.serverName), volfileId, state, unapplied };
  }
}

export class BrickRegistry {
  readonly #bricks = new Map<ByteString, RegisteredBrick>();
  /** A brick has failed and does not come back. */
  onFailed: (brick: ByteString, reason: string) => void = () => {};

  add(task: BrickTask, facts: BrickFacts): void {
    assert(!this.#bricks.has(facts.brick), 'a brick is registered once');
    this.#bricks.set(facts.brick, new RegisteredBrick(task, facts));
  }

  get(name: ByteString): RegisteredBrick | undefined {
    return this.#bricks.get(name);
  }

  /** A brick that the supervisor is about to start. */
  registered(name: ByteString): RegisteredBrick {
    return defined(this.#bricks.get(name), 'a brick that is started again is registered');
  }

  all(): Iterable<RegisteredBrick> {
    return this.#bricks.values();
  }

  has(name: ByteString): boolean {
    return this.#bricks.has(name);
  }

  /** Takes a brick out. Returns false for one that is out already, even if another of its name has come. */
  remove(brick: RegisteredBrick): boolean {
    if (this.#bricks.get(brick.name) !== brick) return false;
    this.#bricks.delete(brick.name);
    brick.removed();
    return true;
  }

  names(): ByteString[] {
    return [...this.#bricks.keys()];
  }

  summaries() {
    return [...this.#bricks.values()].map((brick) => brick.summary());
  }

  /** Whether a brick of a failed worker is to be started again at all. */
  wanted(name: ByteString): boolean {
    return this.#bricks.get(name)?.wanted === true;
  }

  /** A worker has failed, and its bricks with it. */
  workerLost(names: Iterable<ByteString>): void {
    for (const name of names) this.#bricks.get(name)?.workerLost();
  }

  /** A brick has failed, or is given up. */
  fail(name: ByteString, reason: string): void {
    if (this.#bricks.get(name)?.fail() === true) this.onFailed(name, reason);
  }
}
