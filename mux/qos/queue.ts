/**
 * What waits: fops of one connection, in the order in which they came, per tenant; where reading and writing have rates of their
 * own, each in a line of its own.
 *
 * Order. What stands in one line leaves first in, first out. A fop that names an fd for which something of the
 * same connection waits goes behind it, whatever its tenant. So does a fop that is never held back by rates (flush, locks,
 * release): it leaves together with the last one that waits for its fd, at no cost. To let it ahead would break the order that POSIX
 * promises; to push those before it ahead would make a flush after each write the way around every ceiling.
 */

import { region as newRegion, type Region } from '../../native/memory.js';
import type { Call } from '../xlator/call.js';
import type { FopEntry, Traffic } from '../xlator/fop-table.js';
import type { BrickQos } from './brick-qos.js';
import type { FopSource } from './scheduling.js';
import type { Tenant } from './tenant.js';

/** Fops and bytes of one connection that may wait before it is read no further. */
export const MAX_HELD_FOPS = 1024;
export const MAX_HELD_BYTES = 32 << 20;
/** What one that waits counts for beside its data. */
const HELD_OVERHEAD_BYTES = 512;

/** A fop on its way through the scheduler, from its arrival to its end. */
export class Ask {
  readonly session: FopSource;
  readonly xid: number;
  readonly fop: FopEntry;
  /** The fop's handler, which means nothing here. */
  readonly handler: unknown;
  readonly call: Call;
  readonly request: unknown;
  region: Region;
  start: number;
  end: number;
  /** When it came: the clock of performance.now. */
  readonly cameMs: number;
  /** Who schedules it, to the end: the brick may have another scheduler, or none, by then. */
  qos!: BrickQos;
  tenant!: Tenant;
  /** The line that it stands in, or that its predecessor does. */
  flow!: Flow;
  /** Bytes that it is charged with, and what it weighs when shares are measured. */
  bytes = 0;
  cost = 0;
  /** Bytes that it has moved in the end; -1: not known. */
  served = -1;
  /** When it began to wait: nanoseconds of nowNs. */
  sinceNs = 0;
  /** Fops that leave together with this one. */
  followers: Ask[] | null = null;

  constructor(
    session: FopSource,
    xid: number,
    fop: FopEntry,
    handler: unknown,
    call: Call,
    request: unknown,
    region: Region,
    start: number,
    end: number,
    cameMs: number,
  ) {
    this.session = session;
    this.xid = xid;
    this.fop = fop;
    this.handler = handler;
    this.call = call;
    this.request = request;
    this.region = region;
    this.start = start;
    this.end = end;
    this.cameMs = cameMs;
  }

  /** Keeps its data beyond the turn in which it came: a small piece is copied, so as not to hold on to a large region. */
  keep(): void {
    if (this.fop.payload !== 'request') return;
    const length = this.end - this.start;
    if (length * 4 >= this.region.capacity) {
      this.region.retain();
      return;
    }
    const own = newRegion(length);
    this.region.bytes.copy(own.bytes, 0, this.start, this.end);
    this.region = own;
    this.start = 0;
    this.end = length;
  }

  letGo(): void {
    if (this.fop.payload === 'request') this.region.release();
  }

  get heldBytes(): number {
    return HELD_OVERHEAD_BYTES + (this.fop.payload === 'request' ? this.end - this.start : 0);
  }
}

/** The fd number that a request names; -1 if it names none that is open. */
export function fdOf(request: unknown): number {
  const { fd = -1 } = request as { fd?: number };
  return fd;
}

const NO_FDS: readonly number[] = Object.freeze([]);

/** All open fds that a request names, by their numbers. */
export function fdsOf(request: unknown): readonly number[] {
  const { fd = -1, fd_in = -1, fd_out = -1 } = request as { fd?: number; fd_in?: number; fd_out?: number };
  if (fd < 0 && fd_in < 0 && fd_out < 0) return NO_FDS;
  return [fd, fd_in, fd_out].filter((n) => n >= 0);
}

/** What one connection waits for with one tenant. */
export class Flow {
  readonly tenant: Tenant;
  /** Null: of all kinds. */
  readonly traffic: Traffic | null;
  #asks: Ask[] = [];
  #head = 0;

  constructor(tenant: Tenant, traffic: Traffic | null = null) {
    this.tenant = tenant;
    this.traffic = traffic;
  }

  get length(): number {
    return this.#asks.length - this.#head;
  }
  get first(): Ask {
    return this.#asks[this.#head]!;
  }
  push(ask: Ask): void {
    this.#asks.push(ask);
  }
  shift(): Ask {
    const ask = this.#asks[this.#head]!;
    this.#head++;
    if (this.#head === this.#asks.length) {
      this.#asks.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#asks.length) {
      this.#asks.splice(0, this.#head);
      this.#head = 0;
    }
    return ask;
  }
}

/** What one connection waits for. */
export class SessionQueue {
  flows: Flow[] = [];
  /** The last one that waits for an fd, by its number. */
  readonly byFd = new Map<number, Ask>();
  readonly #session: FopSource;
  #count = 0;
  #bytes = 0;
  #full = false;

  constructor(session: FopSource) {
    this.#session = session;
  }

  get full(): boolean {
    return this.#full;
  }

  /** The line for fops of a tenant that has one here already. */
  find(tenant: Tenant, traffic: Traffic): Flow | undefined {
    const kind = tenant.apart ? traffic : null;
    for (const flow of this.flows) if (flow.tenant === tenant && flow.traffic === kind) return flow;
    return undefined;
  }

  flow(tenant: Tenant, traffic: Traffic): Flow {
    let flow = this.find(tenant, traffic);
    if (flow === undefined) {
      flow = new Flow(tenant, tenant.apart ? traffic : null);
      this.flows.push(flow);
    }
    return flow;
  }

  /** Takes note of one that waits from now on. */
  held(ask: Ask): void {
    this.#count++;
    this.#bytes += ask.heldBytes;
    ask.call.charge(ask.heldBytes);
    const fd = fdOf(ask.request);
    if (fd >= 0) this.byFd.set(fd, ask);
    const target = (ask.request as { fd_out?: number }).fd_out ?? -1;
    if (target >= 0) this.byFd.set(target, ask);
    if (this.#full || (this.#count < MAX_HELD_FOPS && this.#bytes < MAX_HELD_BYTES)) return;
    this.#full = true;
    this.#session.setQueueFull(true);
  }

  /** One waits no longer. */
  left(ask: Ask): void {
    this.#count--;
    this.#bytes -= ask.heldBytes;
    const fd = fdOf(ask.request);
    if (this.byFd.get(fd) === ask) this.byFd.delete(fd);
    const target = (ask.request as { fd_out?: number }).fd_out ?? -1;
    if (this.byFd.get(target) === ask) this.byFd.delete(target);
    if (!this.#full || this.#count * 2 > MAX_HELD_FOPS || this.#bytes * 2 > MAX_HELD_BYTES) return;
    this.#full = false;
    this.#session.setQueueFull(false);
  }

  /** Whatever waits for the fds that a request names. */
  before(request: unknown): Ask | undefined {
    if (this.byFd.size === 0) return undefined;
    const { fd = -1, fd_in = -1, fd_out = -1 } = request as { fd?: number; fd_in?: number; fd_out?: number };
    return this.byFd.get(fd) ?? this.byFd.get(fd_out) ?? this.byFd.get(fd_in);
  }
}
