/**
 * Floors: guaranteed minimum rates of tenants. They are granted only up to the capacity that the thread has shown,
 * which is measured all the time from the work that it did and how busy it was. Floors beyond that are refused, and
 * granted again when there is capacity.
 */
import { performance } from 'node:perf_hooks';
import type { Bucket } from './bucket.js';
import type { Tenant } from './tenant.js';

/** Share of the capacity that floors may take; the rest is for work that is not measured. */
const PROMISABLE = 0.8;
/** Below these a second tells nothing of capacity. */
const LEAST_COST = 100;
const LEAST_BUSY = 0.02;
/** Weight of the newest second. */
const NEW = 0.2;

interface Promised {
  readonly tenant: Tenant;
  readonly bucket: Bucket;
  readonly log: (text: string) => void;
}

export class Floors {
  readonly #promised: Promised[] = [];
  #used = performance.eventLoopUtilization();
  #costBefore = 0;
  #atMs = performance.now();
  /** Cost per second that the thread can do; 0: not known yet. */
  capacity = 0;

  get size(): number {
    return this.#promised.length;
  }

  /** log: gets a sentence when the promise is refused, or kept again. */
  add(tenant: Tenant, bucket: Bucket, log: (text: string) => void): void {
    this.remove(tenant);
    this.#promised.push({ tenant, bucket, log });
    tenant.floor = bucket;
    this.settle();
  }

  remove(tenant: Tenant): void {
    const at = this.#promised.findIndex((p) => p.tenant === tenant);
    if (at >= 0) this.#promised.splice(at, 1);
    tenant.floor = null;
    tenant.floorRefused = '';
  }

  /** Records a second. cost: all work so far. saturated: the slots of a disk were full. */
  measure(cost: number, saturated: boolean): void {
    const now = performance.now();
    const seconds = (now - this.#atMs) / 1000;
    const done = cost - this.#costBefore;
    const { utilization } = performance.eventLoopUtilization(this.#used);
    this.#used = performance.eventLoopUtilization();
    this.#costBefore = cost;
    this.#atMs = now;
    if (done < LEAST_COST || seconds <= 0) return;
    if (!saturated && utilization < LEAST_BUSY) return;
    this.observe(done / seconds / (saturated ? 1 : Math.min(1, utilization)));
  }

  /** One measured capacity. */
  observe(perSecond: number): void {
    this.capacity = this.capacity === 0 ? perSecond : this.capacity * (1 - NEW) + perSecond * NEW;
    this.settle();
  }

  /** Grants floors in the order in which they were requested, as far as the capacity goes. */
  settle(): void {
    let sum = 0;
    for (const { tenant, bucket, log } of this.#promised) {
      const { floor } = tenant.rule;
      // A granted floor stays until the capacity is clearly too low: measurements fluctuate.
      const most = this.capacity * (tenant.floorRefused === '' ? 1 : PROMISABLE);
      const fits = this.capacity === 0 || sum + floor <= most;
      if (fits) {
        sum += floor;
        if (tenant.floorRefused !== '') log(`floor of ${tenant.rule.name}, ${floor} ops/s: kept from now on`);
        tenant.floorRefused = '';
        tenant.floor = bucket;
        continue;
      }
      const can = Math.floor(this.capacity);
      const others = sum > 0 ? `, and ${Math.floor(sum)} are promised to others` : '';
      const reason = `${floor} ops/s can't be kept: the thread has shown to do ${can} of 4 KiB a second${others}`;
      if (tenant.floorRefused === '') log(`floor of ${tenant.rule.name} refused: ${reason}`);
      tenant.floorRefused = reason;
      tenant.floor = null;
    }
  }
}
