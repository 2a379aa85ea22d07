/**
 * A process that subscribed to events: gsyncd and glusterfind by libgfchangelog, and bit-rot detection. The brick connects to the
 * socket that it named and calls it with events, in order; each call is answered before the next.
 */
import { connect } from 'node:net';
import type { Logger } from '../../../../mux/base/log.js';
import {
  changelogEventReq,
  changelogEventRsp,
  EVENT_PROGRAM,
  EVENT_VERSION,
  EventProc,
} from '../../../../mux/wire/programs/changelog.js';
import { AcceptStat } from '../../../../mux/wire/rpc-numbers.js';
import { assert } from '../../../../native/assert.js';
import { bytesOfLatin1, textPath } from '../../../../native/bytes.js';
import { refusalRecord } from '../../../rpc/rpc-records.js';
import { RpcSocket } from '../../../rpc/rpc-socket.js';
import { ChangelogEvent, EVENT_BYTES, kindOf } from '../changelog-events.js';

const CONNECT_MS = 10_000;
/** A consumer that does not answer is given up: it will register again, and read the journals that it has missed. */
const ANSWER_MS = 60_000;
const EVENTS_PER_CALL = 60;
/** Events that wait for a consumer. */
const MAX_WAITING = 65_536;
/** All but journals are sent this long after they came at the latest, together. */
const GATHER_MS = 200;

const CALL = { program: EVENT_PROGRAM, version: EVENT_VERSION, procedure: EventProc.event };

interface Waiting {
  /** Without the zeros at its end. */
  readonly bytes: Uint8Array;
  readonly since: number;
}

export class Consumer {
  /** Where it listens: a byte string. */
  readonly path: string;
  /** Kinds of events that it wants. */
  readonly filter: number;
  readonly #log: Logger;
  readonly #onEnd: (consumer: Consumer) => void;
  #rpc: RpcSocket | null = null;
  #waiting: Waiting[] = [];
  /** Events at the front of {@link #waiting} that a call in progress has. */
  #sending = 0;
  #gathering: NodeJS.Timeout | null = null;
  #sequence = 1;
  #state: 'connecting' | 'connected' | 'ended' = 'connecting';

  private constructor(path: string, filter: number, log: Logger, onEnd: (consumer: Consumer) => void) {
    this.path = path;
    this.filter = filter;
    this.#log = log;
    this.#onEnd = onEnd;
  }

  /** Connects to a consumer. It counts as one from now on: events wait until the connection is up. onEnd: it is one no longer. */
  static connect(path: string, filter: number, log: Logger, onEnd: (consumer: Consumer) => void): Consumer {
    const consumer = new Consumer(path, filter, log, onEnd);
    consumer.#connect();
    return consumer;
  }

  get connected(): boolean {
    return this.#state === 'connected';
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Since when its oldest event waits, in milliseconds of the epoch; null: none does. */
  get oldest(): number | null {
    return this.#waiting[0]?.since ?? null;
  }

  #connect(): void {
    let socket: ReturnType<typeof connect>;
    try {
      socket = connect({ path: textPath(bytesOfLatin1(this.path)) });
    } catch (error) {
      queueMicrotask(() => this.end((error as Error).message));
      return;
    }
    const timer = setTimeout(() => socket.destroy(new Error('connecting timed out')), CONNECT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      if (this.#state !== 'connecting') return;
      this.#state = 'connected';
      this.#log.info(0, `events go to a consumer at ${this.path}`);
      this.#send();
    });
    socket.once('error', (error) => this.end(error.message));
    socket.once('close', () => {
      clearTimeout(timer);
      this.end('the connection was closed');
    });
    this.#rpc = new RpcSocket(
      socket,
      (call, _args, from) => from.send(refusalRecord(call.xid, AcceptStat.progUnavail)),
      (reason) => this.end(`it sends what is no RPC: ${reason}`),
    );
  }

  /** Tells it of an event. */
  tell(event: Uint8Array): void {
    if (this.#state === 'ended') return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.end(`${MAX_WAITING} events wait for it`);
      return;
    }
    this.#waiting.push({ bytes: trimmed(event), since: Date.now() });
    if (this.#sending > 0 || this.#state !== 'connected') return;
    if (kindOf(event) === ChangelogEvent.journal || this.#waiting.length >= EVENTS_PER_CALL) this.#send();
    else this.#gathering ??= setTimeout(() => this.#send(), GATHER_MS);
  }

  #send(): void {
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#gathering = null;
    const rpc = this.#rpc;
    if (this.#waiting.length === 0 || this.#sending > 0 || this.#state !== 'connected' || rpc === null) return;
    const count = Math.min(this.#waiting.length, EVENTS_PER_CALL);
    this.#sending = count;
    const events = Buffer.alloc(count * EVENT_BYTES);
    for (let i = 0; i < count; i++) events.set(this.#waiting[i]?.bytes ?? NO_BYTES, i * EVENT_BYTES);
    const now = Date.now();
    const request = {
      seq: this.#sequence++,
      tv_sec: Math.floor(now / 1000),
      tv_usec: (now % 1000) * 1000,
      events,
    };
    rpc.call(CALL, changelogEventReq, request, changelogEventRsp, ANSWER_MS).then(
      () => this.#answered(count),
      (error: unknown) => this.end((error as Error).message),
    );
  }

  #answered(count: number): void {
    if (this.#state === 'ended') return;
    assert(this.#sending === count, 'one call to a consumer is under way at a time');
    this.#waiting.splice(0, count);
    this.#sending = 0;
    this.#send();
  }

  /** Releases it. */
  end(reason: string): void {
    if (this.#state === 'ended') return;
    const level = this.#state === 'connected' ? 'info' : 'error';
    this.#state = 'ended';
    this.#log[level](0, `no events go to the consumer at ${this.path} any more: ${reason}`);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#waiting = [];
    this.#rpc?.socket.destroy();
    this.#onEnd(this);
  }
}

/** All events but those of journals end in zeros from here on; a journal's path begins here. */
const SHORT_EVENT_BYTES = 40;
const PATH_AT = 8;
const NO_BYTES = new Uint8Array(0);

/** What an event says, without the rest of its structure. */
function trimmed(event: Uint8Array): Uint8Array {
  if (kindOf(event) !== ChangelogEvent.journal) return event.slice(0, SHORT_EVENT_BYTES);
  const end = event.indexOf(0, PATH_AT);
  return event.slice(0, end < 0 ? event.length : end);
}
