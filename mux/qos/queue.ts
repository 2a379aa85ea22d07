/**
 * The queues of fops that wait, per connection and tenant; with separate queues for reads and writes where those have
 * rates of their own.
 *
 * Order: each queue is first in, first out. A fop on an fd for which another fop of the same connection is queued goes
 * behind that one, whatever its tenant. So does a fop that rates never delay (flush, locks, release): it leaves
 * together with the last queued fop of its fd, at no cost. If it were let ahead, the order that POSIX guarantees would
 * break; if it made those before it leave at once, a flush after each write would bypass every ceiling.
 */

import { assert } from '../../native/assert.js';
import type { Traffic } from '../xlator/fop-table.js';
import { Flow } from './queued-fop.js';
import type { FopSource } from './scheduling.js';
import type { Tenant, TenantFlow, TenantFop } from './tenant.js';

/** Queued fops and bytes of one connection at which reading from it pauses. */
export const MAX_HELD_FOPS = 1024;
export const MAX_HELD_BYTES = 32 << 20;

/** Fields by which requests name fds. */
interface NamedFds {
  fd?: number;
  fd_in?: number;
  fd_out?: number;
}

/** The fd number that a request names; -1 if it names none that is open. */
export function fdOf(request: unknown): number {
  const { fd = -1 } = request as NamedFds;
  return fd;
}

const NO_FDS: readonly number[] = Object.freeze([]);

/** All open fds that a request names, by their numbers. */
export function fdsOf(request: unknown): readonly number[] {
  const { fd = -1, fd_in = -1, fd_out = -1 } = request as NamedFds;
  if (fd < 0 && fd_in < 0 && fd_out < 0) return NO_FDS;
  return [fd, fd_in, fd_out].filter((n) => n >= 0);
}

/** The queued fops of one connection. */
export class SessionQueue {
  flows: TenantFlow[] = [];
  /** The last queued fop on each fd, by fd number. */
  readonly byFd = new Map<number, TenantFop>();
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

  /** The queue of a tenant, if it has one here. */
  find(tenant: Tenant, traffic: Traffic): TenantFlow | undefined {
    const kind = tenant.apart ? traffic : null;
    for (const flow of this.flows) if (flow.tenant === tenant && flow.traffic === kind) return flow;
    return undefined;
  }

  flow(tenant: Tenant, traffic: Traffic): TenantFlow {
    let flow = this.find(tenant, traffic);
    if (flow === undefined) {
      flow = new Flow(tenant, tenant.apart ? traffic : null);
      this.flows.push(flow);
    }
    return flow;
  }

  /** Adds a queued fop. */
  held(queued: TenantFop): void {
    this.#count++;
    this.#bytes += queued.heldBytes;
    queued.inFlight.charge(queued.heldBytes);
    const fd = fdOf(queued.inFlight.request);
    if (fd >= 0) this.byFd.set(fd, queued);
    const target = (queued.inFlight.request as NamedFds).fd_out ?? -1;
    if (target >= 0) this.byFd.set(target, queued);
    if (this.#full || (this.#count < MAX_HELD_FOPS && this.#bytes < MAX_HELD_BYTES)) return;
    this.#full = true;
    this.#session.setQueueFull(true);
  }

  /** Removes a queued fop. */
  left(queued: TenantFop): void {
    this.#count--;
    this.#bytes -= queued.heldBytes;
    assert(this.#count >= 0 && this.#bytes >= 0, 'no more fops leave the queue of a connection than have come');
    const fd = fdOf(queued.inFlight.request);
    if (this.byFd.get(fd) === queued) this.byFd.delete(fd);
    const target = (queued.inFlight.request as NamedFds).fd_out ?? -1;
    if (this.byFd.get(target) === queued) this.byFd.delete(target);
    if (!this.#full || this.#count * 2 > MAX_HELD_FOPS || this.#bytes * 2 > MAX_HELD_BYTES) return;
    this.#full = false;
    this.#session.setQueueFull(false);
  }

  /** Queued fops on the fds that a request names. */
  before(request: unknown): TenantFop | undefined {
    if (this.byFd.size === 0) return undefined;
    const { fd = -1, fd_in = -1, fd_out = -1 } = request as NamedFds;
    return this.byFd.get(fd) ?? this.byFd.get(fd_out) ?? this.byFd.get(fd_in);
  }
}
