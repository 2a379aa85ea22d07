/** Times as Gluster writes them in logs and statistics. */
import { performance } from 'node:perf_hooks';

const originUs = performance.timeOrigin * 1000;
/** Microseconds since 1970. */
export const nowUs = (): number => Math.floor(originUs + performance.now() * 1000);

const pad = (n: number, width: number): string => String(n).padStart(width, '0');

/**
 * `2024-05-06 07:08:09.012345 +0000`. timeUs: microseconds since 1970 (exact as a double until the year 2255).
 * local: in the zone of the process instead of UTC, with its offset.
 */
export function formatTime(timeUs: number, local: boolean): string {
  const date = new Date(Math.floor(timeUs / 1000));
  const micros = pad(Math.floor(timeUs % 1e6), 6);
  if (!local) return `${date.toISOString().slice(0, 19).replace('T', ' ')}.${micros} +0000`;
  const offset = -date.getTimezoneOffset();
  const abs = Math.abs(offset);
  const zone = `${offset < 0 ? '-' : '+'}${pad(Math.floor(abs / 60), 2)}${pad(abs % 60, 2)}`;
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
  const time = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
  return `${day} ${time}.${micros} ${zone}`;
}
