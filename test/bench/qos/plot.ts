/** Plots as SVG, without any library: lines over time, and bars beside what they ought to be. */

export interface Line {
  name: string;
  /** x and y. */
  points: [number, number][];
}

const W = 760;
const H = 360;
const LEFT = 70;
const RIGHT = 20;
const TOP = 50;
const BOTTOM = 60;
const COLOURS = ['#1f6feb', '#d1242f', '#1a7f37', '#9a6700', '#8250df', '#57606a'];

const text = (s: string): string => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function label(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(0)}k`;
  return n >= 100 ? n.toFixed(0) : String(Number(n.toPrecision(3)));
}

/** A round number at or above n. */
function ceiling(n: number): number {
  const unit = 10 ** Math.floor(Math.log10(n || 1));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * unit).find((m) => m >= n) ?? n;
}

function frame(title: string, yName: string, top: number, body: string): string {
  const y = (v: number): number => H - BOTTOM - (v / top) * (H - TOP - BOTTOM);
  const grid = [0, 0.25, 0.5, 0.75, 1]
    .map((f) => {
      const at = y(f * top).toFixed(1);
      return (
        `<line x1="${LEFT}" x2="${W - RIGHT}" y1="${at}" y2="${at}" stroke="#8884"/>` +
        `<text x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${label(f * top)}</text>`
      );
    })
    .join('');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${W} ${H}" font-family="system-ui, sans-serif" font-size="12" fill="#57606a">` +
    `<rect width="${W}" height="${H}" fill="#fff"/><text x="${LEFT}" y="22" font-size="15" fill="#24292f">${text(title)}</text>` +
    `<text x="${LEFT}" y="40">${text(yName)}</text>${grid}${body}</svg>\n`
  );
}

/** Lines over seconds. */
export function linePlot(title: string, yName: string, lines: Line[]): string {
  const all = lines.flatMap((l) => l.points);
  const most = Math.max(1, ...all.map(([x]) => x));
  const top = ceiling(Math.max(1, ...all.map(([, y]) => y)));
  const x = (v: number): number => LEFT + (v / most) * (W - LEFT - RIGHT);
  const y = (v: number): number => H - BOTTOM - (v / top) * (H - TOP - BOTTOM);
  const body = lines.map((l, i) => {
    const points = l.points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(' ');
    const colour = COLOURS[i % COLOURS.length];
    const at = LEFT + i * 150;
    return (
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points}"/>` +
      `<rect x="${at}" y="${H - 22}" width="12" height="12" fill="${colour}"/><text x="${at + 18}" y="${H - 12}">${text(l.name)}</text>`
    );
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (f) => `<text x="${x(f * most)}" y="${H - BOTTOM + 18}" text-anchor="middle">${label(f * most)} s</text>`,
  );
  return frame(title, yName, top, ticks.join('') + body.join(''));
}

export interface Bar {
  name: string;
  value: number;
  /** Drawn as a line across; undefined: none. */
  goal?: number;
}

export function barPlot(title: string, yName: string, bars: Bar[]): string {
  const top = ceiling(Math.max(1e-9, ...bars.flatMap((b) => [b.value, b.goal ?? 0])));
  const width = (W - LEFT - RIGHT) / bars.length;
  const y = (v: number): number => H - BOTTOM - (v / top) * (H - TOP - BOTTOM);
  const body = bars.map((b, i) => {
    const left = LEFT + i * width;
    const height = H - BOTTOM - y(b.value);
    const middle = left + width / 2;
    const goal =
      b.goal === undefined
        ? ''
        : `<line x1="${left + 4}" x2="${left + width - 4}" y1="${y(b.goal)}" y2="${y(b.goal)}" stroke="${COLOURS[1]}" stroke-width="2"/>`;
    const words = b.name.split('|');
    const names = words.map(
      (w, k) =>
        `<text x="${middle}" y="${H - BOTTOM + 16 + k * 14}" text-anchor="middle" font-size="11">${text(w)}</text>`,
    );
    return (
      `<rect x="${left + width * 0.15}" width="${width * 0.7}" y="${y(b.value)}" height="${height}" fill="${COLOURS[0]}"/>` +
      `<text x="${middle}" y="${y(b.value) - 4}" text-anchor="middle">${label(b.value)}</text>${goal}${names.join('')}`
    );
  });
  return frame(title, yName, top, body.join(''));
}
