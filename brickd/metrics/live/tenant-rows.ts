/**
 * Tenants of user/qos as the status page shows them: those of all bricks of a volume together, since they share their
 * rates.
 */
import type { QosStats, TenantStats } from '../../../mux/qos/stats.js';
import { textOfLatin1 } from '../../../native/bytes.js';
import type { BadOptionRow, TenantRow } from '../page/frame.js';
import { gain } from './latency-histogram.js';

/** What tenants gained since the look before. */
interface Sum {
  row: TenantRow;
  fops: number;
  bytes: number;
  delayed: number;
  delaySec: number;
}

const keyOf = (volume: string, t: TenantStats): string => `${volume}\0${t.kind}\0${t.tenant}`;

export class TenantRows {
  readonly #sums = new Map<string, Sum>();
  readonly badOptions = new Map<string, BadOptionRow>();
  /** Fops that had to wait, gained; and those that wait now. */
  delayed = 0;
  queued = 0;

  /** Adds those of one brick. before: undefined if it was not looked at before. */
  add(now: QosStats, before: QosStats | null | undefined): void {
    const volume = textOfLatin1(now.volume);
    const old = new Map((before?.tenants ?? []).map((t) => [keyOf('', t), t]));
    for (const t of now.tenants) {
      const sum = this.#sumOf(volume, t);
      const b = old.get(keyOf('', t));
      // The limits of all of a volume hold what its tenants hold: once is enough.
      if (t.kind !== 'total') this.queued += t.queued;
      sum.row.queued += t.queued;
      sum.row.queuedBytes += t.queuedBytes;
      sum.row.overdue += t.overdue;
      sum.row.dropped += t.dropped;
      if (b === undefined) continue;
      const delayed = gain(t.delayed, b.delayed);
      sum.fops += gain(t.fops, b.fops);
      sum.bytes += gain(t.bytes, b.bytes);
      sum.delayed += delayed;
      sum.delaySec += gain(t.delaySeconds, b.delaySeconds);
      if (t.kind !== 'total') this.delayed += delayed;
    }
    for (const bad of now.badOptions) {
      this.badOptions.set(`${volume}\0${bad.option}`, {
        volume,
        option: textOfLatin1(bad.option),
        value: textOfLatin1(bad.value),
        reason: textOfLatin1(bad.reason),
        instead: textOfLatin1(bad.instead),
      });
    }
  }

  #sumOf(volume: string, t: TenantStats): Sum {
    const key = keyOf(volume, t);
    const known = this.#sums.get(key);
    if (known !== undefined) return known;
    const row: TenantRow = {
      volume,
      tenant: textOfLatin1(t.tenant),
      kind: t.kind,
      weight: t.weight,
      floor: t.floor,
      floorRefused: t.floorRefused,
      limits: t.limits.map((l) => ({ ceiling: l.ceiling, perSec: l.perSecond, tokens: l.tokens, burst: l.burst })),
      opsPerSec: 0,
      bytesPerSec: 0,
      delayedPerSec: 0,
      meanDelay: null,
      queued: 0,
      queuedBytes: 0,
      overdue: 0,
      dropped: 0,
    };
    const sum = { row, fops: 0, bytes: 0, delayed: 0, delaySec: 0 };
    this.#sums.set(key, sum);
    return sum;
  }

  /** The busiest first. spanSec: 0 at the first look. */
  rows(spanSec: number): TenantRow[] {
    const per = (n: number): number => (spanSec === 0 ? 0 : n / spanSec);
    const rows = [...this.#sums.values()].map(({ row, fops, bytes, delayed, delaySec }) => ({
      ...row,
      opsPerSec: per(fops),
      bytesPerSec: per(bytes),
      delayedPerSec: per(delayed),
      meanDelay: delayed === 0 ? null : delaySec / delayed,
    }));
    return rows.sort((a, b) => b.queued - a.queued || b.opsPerSec - a.opsPerSec);
  }
}
