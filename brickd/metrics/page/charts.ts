/** Lines over the last minutes: throughput, operations, latency. */
import uPlot from './uplot.js';

/** Frames kept: five minutes of one a second. */
export const KEPT = 300;
/** Time shown at least, in seconds, so that the first lines don't jump. */
const LEAST_SPAN_SEC = 60;
const HEIGHT = 200;

/** Steps of an axis of bytes. */
const STEPS = Array.from({ length: 50 }, (_, i) => 2 ** i);

/** Whole powers of ten around a range. */
function decades(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || !(min > 0)) return [1e-5, 1e-2];
  return [
    10 ** Math.floor(Math.log10(min)),
    10 ** Math.max(Math.ceil(Math.log10(max)), Math.floor(Math.log10(min)) + 1),
  ];
}

export const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export interface Line {
  label: string;
  /** Name of the style sheet's colour. */
  colour: 'one' | 'two' | 'bad';
}

export interface ChartOptions {
  lines: Line[];
  value(n: number): string;
  /** Each step ten times the one below. */
  log?: boolean;
  /** Steps are powers of two. */
  binary?: boolean;
}

/** Undefined is a gap. */
type Values = (number | null)[];

export class Chart {
  readonly #place: HTMLElement;
  readonly #options: ChartOptions;
  readonly #times: number[] = [];
  readonly #values: Values[];
  readonly #plot: uPlot;

  constructor(place: HTMLElement, options: ChartOptions) {
    this.#place = place;
    this.#options = options;
    this.#values = options.lines.map(() => []);
    this.#plot = this.#make();
    new ResizeObserver(() => this.#fit()).observe(place);
  }

  /** timeSec: since the epoch; values in the order of the lines. */
  add(timeSec: number, values: Values): void {
    this.#times.push(timeSec);
    // Zero has no place where each step is ten times the one below.
    values.forEach((v, i) => {
      this.#values[i]?.push(this.#options.log === true && v === 0 ? null : v);
    });
    if (this.#times.length > KEPT) {
      this.#times.shift();
      for (const line of this.#values) line.shift();
    }
    if (!document.hidden) this.#plot.setData(this.#data());
  }

  #data(): uPlot.AlignedData {
    return [this.#times, ...this.#values] as uPlot.AlignedData;
  }

  #fit(): void {
    const { clientWidth } = this.#place;
    if (clientWidth > 0) this.#plot.setSize({ width: clientWidth, height: this.#height() });
  }

  /** Of the drawing alone: the legend stands below. */
  #height(): number {
    return HEIGHT - (this.#place.querySelector('.u-legend')?.clientHeight ?? 30);
  }

  /** Draws all anew, in the colours of the moment. */
  redraw(): void {
    this.#plot.redraw(false, true);
  }

  #make(): uPlot {
    const { lines, value, log, binary } = this.#options;
    const axis = {
      stroke: () => colour('soft'),
      grid: { stroke: () => colour('grid'), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: Math.max(100, this.#place.clientWidth),
      height: HEIGHT - 30,
      series: [
        { label: 'Time', value: '{HH}:{mm}:{ss}' },
        ...lines.map((line) => ({
          label: line.label,
          stroke: () => colour(line.colour),
          width: 1.5,
          spanGaps: false,
          points: { show: false },
          value: (_u: uPlot, v: number | null) => (v === null || v === undefined ? '–' : value(v)),
        })),
      ],
      axes: [
        { ...axis, size: 28, values: [[1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]] },
        {
          ...axis,
          size: 76,
          ...(binary === true ? { incrs: STEPS } : {}),
          values: (_u: uPlot, ticks: number[]) => ticks.map((n) => (n === null ? '' : value(n))),
        },
      ],
      scales: {
        x: { time: true, range: (_u, min, max) => [Math.min(min, max - LEAST_SPAN_SEC), max] },
        y:
          log === true
            ? { distr: 3, range: (_u, min, max) => decades(min, max) }
            : { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
      },
      cursor: { y: false, drag: { x: false, y: false } },
    };
    return new uPlot(options, this.#data(), this.#place);
  }
}
