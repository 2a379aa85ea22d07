/** Numbers as people read them, on the page and in the terminal. */

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const COUNTS = ['', 'k', 'M', 'G'];

function scaled(n: number, step: number, units: readonly string[], gap: string): string {
  let value = Math.abs(n);
  let i = 0;
  // Never four digits.
  while (value >= Math.min(step, 1000) * 0.9995 && i < units.length - 1) {
    value /= step;
    i++;
  }
  const digits =
    i === 0 ? (value > 0 && value < 10 && value % 1 !== 0 ? 1 : 0) : value < 9.95 ? 2 : value < 99.5 ? 1 : 0;
  return `${n < 0 ? '-' : ''}${value.toFixed(digits)}${units[i] === '' ? '' : gap}${units[i]}`;
}

/** 1536 → "1.50 KiB". */
export const bytes = (n: number): string => scaled(n, 1024, BYTES, ' ');

/** 12345 → "12.3k". */
export const count = (n: number): string => scaled(n, 1000, COUNTS, '');

/** Seconds: 0.00012 → "120 µs"; "–" for none. */
export function time(sec: number | null): string {
  if (sec === null) return '–';
  if (sec === 0) return '0';
  if (sec < 0.0009995) return `${(sec * 1e6).toFixed(0)} µs`;
  if (sec < 0.9995) return `${(sec * 1e3).toFixed(sec < 0.00995 ? 2 : sec < 0.0995 ? 1 : 0)} ms`;
  return `${sec.toFixed(sec < 9.95 ? 2 : 1)} s`;
}

/** Long times: 93784 → "1 d 2 h". */
export function span(sec: number): string {
  const s = Math.floor(sec);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export const percent = (share: number | null): string => (share === null ? '–' : `${(share * 100).toFixed(0)} %`);

/** A ceiling's number in its own unit. */
export const rate = (ceiling: string, perSec: number): string =>
  ceiling.includes('bytes') ? `${bytes(perSec)}/s` : `${count(perSec)}/s`;
