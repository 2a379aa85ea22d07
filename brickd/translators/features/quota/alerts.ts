/** Logs directories above their soft limits, each once per alert-time. */
import type { Logger } from '../../../../mux/base/log.js';
import type { DirectoryLimit, Timing } from './directory-limit.js';

/** Gluster's number for it. */
const CROSSED_SOFT_LIMIT = 120004;
/** However short the alert-time is. */
const LEAST_MS = 1000;

const UNITS = ['Bytes', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** A number of bytes as Gluster writes it. */
export function humanReadable(bytes: number): string {
  let unit = 0;
  let n = bytes;
  while (n >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit++;
  }
  return unit === 0 ? `${n}Bytes` : `${n.toFixed(1)}${UNITS[unit]}`;
}

export class Alerts {
  readonly #log: Logger;
  alertMs: number;

  constructor(log: Logger, alertMs: number) {
    this.#log = log;
    this.alertMs = alertMs;
  }

  /** A fop has passed the limit. path: of the directory. */
  check(limit: DirectoryLimit, timing: Timing, path: () => string): void {
    const { usage } = limit.limits;
    const soft = limit.softBytes(timing);
    if (usage === null || soft <= 0 || limit.bytes < soft) return;
    const now = performance.now();
    if (now - limit.alertedAt < Math.max(this.alertMs, LEAST_MS)) return;
    const crossed = (limit.answer?.bytes ?? 0) < soft ? 'crossed' : 'is above';
    limit.alertedAt = now;
    const used = `Usage ${crossed} soft limit: ${humanReadable(limit.bytes)} used by ${path()}`;
    const line = `${used} (soft limit ${humanReadable(Math.floor(soft))}, hard limit ${humanReadable(usage.hard)})`;
    if (this.#log.alert !== undefined) this.#log.alert(CROSSED_SOFT_LIMIT, line);
    else this.#log.error(CROSSED_SOFT_LIMIT, line);
  }
}
