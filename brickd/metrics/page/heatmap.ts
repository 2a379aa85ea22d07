/** A heat map of latencies: time to the right, latency upwards, darker where there were more calls. */
import { colour } from './charts.js';
import type { FopRow } from './frame.js';
import { count, time } from './units.js';

/** Moments kept and shown. */
const COLUMNS = 120;
const LEFT = 58;
const BOTTOM = 18;
/** The weakest colour that is still seen. */
const FAINTEST = 0.12;
/** Chooses all fops but locks, which wait for other clients. */
export const ALL_FOPS = '';

interface Moment {
  at: number;
  fops: FopRow[];
}

export class HeatMap {
  readonly #canvas: HTMLCanvasElement;
  readonly #tell: (text: string) => void;
  readonly #moments: Moment[] = [];
  #bounds: readonly number[] = [];
  #fop = ALL_FOPS;

  /** tell: takes the numbers of the place that is touched. */
  constructor(canvas: HTMLCanvasElement, tell: (text: string) => void) {
    this.#canvas = canvas;
    this.#tell = tell;
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener('pointermove', (e) => this.#point(e));
    canvas.addEventListener('pointerdown', (e) => this.#point(e));
  }

  set fop(fop: string) {
    this.#fop = fop;
    this.draw();
  }

  clear(): void {
    this.#moments.length = 0;
    this.draw();
  }

  add(at: number, bounds: readonly number[], fops: FopRow[]): void {
    this.#bounds = bounds;
    this.#moments.push({ at, fops });
    if (this.#moments.length > COLUMNS) this.#moments.shift();
    if (!document.hidden) this.draw();
  }

  /** Calls by bucket of one moment. */
  #counts({ fops }: Moment): number[] {
    const sums = new Array<number>(this.#bounds.length + 1).fill(0);
    for (const f of fops) {
      if (this.#fop === ALL_FOPS ? f.isLock : f.fop !== this.#fop) continue;
      f.buckets.forEach((n, i) => {
        sums[i] = (sums[i] ?? 0) + n;
      });
    }
    return sums;
  }

  #sizes() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const rows = this.#bounds.length + 1;
    return { width, height, rows, cellWidth: (width - LEFT) / COLUMNS, cellHeight: (height - BOTTOM) / rows };
  }

  draw(): void {
    const { width, height, rows, cellWidth, cellHeight } = this.#sizes();
    const pixels = devicePixelRatio;
    const c = this.#canvas.getContext('2d');
    if (c === null || width === 0) return;
    const wide = Math.round(width * pixels);
    const high = Math.round(height * pixels);
    // Setting a size clears it, and costs memory anew.
    if (this.#canvas.width !== wide || this.#canvas.height !== high) {
      this.#canvas.width = wide;
      this.#canvas.height = high;
    }
    c.setTransform(pixels, 0, 0, pixels, 0, 0);
    c.clearRect(0, 0, width, height);
    if (rows === 1) return;
    c.font = '11px system-ui, "DejaVu Sans", sans-serif';
    c.textBaseline = 'middle';
    c.textAlign = 'right';
    const top = height - BOTTOM;
    this.#bounds.forEach((bound, i) => {
      if (!/^1e|^1$|^10$|^0\.0*1$/.test(String(bound))) return;
      const y = top - (i + 1) * cellHeight;
      c.fillStyle = colour('grid');
      c.fillRect(LEFT, y, width - LEFT, 1);
      c.fillStyle = colour('soft');
      c.fillText(time(bound).replace(/\.0+/, ''), LEFT - 6, y);
    });
    c.fillStyle = colour('two');
    const first = COLUMNS - this.#moments.length;
    this.#moments.forEach((moment, m) => {
      const counts = this.#counts(moment);
      const all = counts.reduce((a, b) => a + b, 0);
      if (all === 0) return;
      counts.forEach((n, i) => {
        if (n === 0) return;
        c.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(n / all);
        c.fillRect(LEFT + (first + m) * cellWidth, top - (i + 1) * cellHeight, cellWidth + 0.3, cellHeight - 0.5);
      });
    });
    c.globalAlpha = 1;
    this.#drawTimes(c, first, cellWidth, height - BOTTOM / 2);
  }

  #drawTimes(c: CanvasRenderingContext2D, first: number, cellWidth: number, y: number): void {
    c.fillStyle = colour('soft');
    c.textAlign = 'right';
    for (let column = COLUMNS - 1; column >= first; column -= 40) {
      const moment = this.#moments[column - first];
      if (moment === undefined) return;
      c.fillText(new Date(moment.at).toLocaleTimeString('en-GB'), LEFT + (column + 1) * cellWidth, y);
    }
  }

  #point(e: PointerEvent): void {
    const { height, rows, cellWidth, cellHeight } = this.#sizes();
    const column = Math.floor((e.offsetX - LEFT) / cellWidth) - (COLUMNS - this.#moments.length);
    const row = Math.floor((height - BOTTOM - e.offsetY) / cellHeight);
    const moment = this.#moments[column];
    if (moment === undefined || row < 0 || row >= rows) return;
    const counts = this.#counts(moment);
    const all = counts.reduce((a, b) => a + b, 0);
    const lower = this.#bounds[row - 1];
    const upper = this.#bounds[row];
    const from = lower === undefined ? '0' : time(lower);
    const range = upper === undefined ? `above ${from}` : `${from} to ${time(upper)}`;
    const when = new Date(moment.at).toLocaleTimeString('en-GB');
    this.#tell(`${when}, ${range}: ${count(counts[row] ?? 0)} of ${count(all)} calls`);
  }
}
