/** Formats `brickd top` as lines of text: processes, volumes, bricks, tenants and workers, the busiest first. */
import type { BrickRow, FlowRates, Frame, SlowRow, TenantRow } from '../../metrics/page/frame.js';
import { bytes, count, percent, rate, span, time } from '../../metrics/page/units.js';
import { safe } from '../safe-text.js';

/** One process that is looked at. */
export interface Seen {
  /** Where it answers. */
  where: string;
  /** The last that it has told; undefined before the first. */
  frame: Frame | undefined;
  /** Why it tells no more; '' if it does. */
  error: string;
}

export const SORTS = ['ops', 'read', 'written', 'p99', 'name'] as const;
export type Sort = (typeof SORTS)[number];

export interface Look {
  /** Of the terminal; Infinity for no bound. */
  columns: number;
  rows: number;
  sort: Sort;
  /** With the terminal's means: headings in bold, what is wrong in red. */
  styled: boolean;
}

interface Column<Row> {
  head: string;
  /** Names take what room there is, numbers what they need. */
  name?: true;
  /** What does not fit is cut at the end, not at the start. */
  sentence?: true;
  text(row: Row): string;
}

/** Slow fops of a process. */
const SLOW_SHOWN = 5;
const NAME_LEAST = 12;
const NAME_MOST = 60;
/** Lines that tenants, volumes and processes take at most of a screen, each. */
const SHARE = 0.25;
const perSec = (n: number): string => (n === 0 ? '0' : `${bytes(n)}/s`);

/** The end of a path tells more than its start; that of a sentence does not. */
function fit(text: string, width: number, sentence: boolean): string {
  const chars = [...text];
  return chars.length <= width
    ? text.padEnd(width + text.length - chars.length)
    : sentence
      ? `${chars.slice(0, width - 1).join('')}…`
      : `…${chars.slice(1 - width).join('')}`;
}

const flow = <Row extends FlowRates>(): Column<Row>[] => [
  { head: 'OPS/S', text: (r) => count(r.opsPerSec) },
  { head: 'READ', text: (r) => perSec(r.readPerSec) },
  { head: 'WRITTEN', text: (r) => perSec(r.writePerSec) },
  { head: 'P50', text: (r) => time(r.p50) },
  { head: 'P99', text: (r) => time(r.p99) },
  { head: 'FAILED/S', text: (r) => count(r.failuresPerSec) },
  { head: 'UNDER WAY', text: (r) => count(r.underWay) },
];

function table<Row>(columns: Column<Row>[], rows: readonly Row[], room: number, look: Look): string[] {
  if (rows.length === 0) return [];
  // One line for the heading, one for those that find no room.
  const shown = rows.length + 1 <= room ? rows : rows.slice(0, Math.max(1, room - 2));
  const cells = shown.map((row) => columns.map((c) => (c.name ? safe(c.text(row)) : c.text(row))));
  const measured = columns.map(({ head, name }, i) => {
    const width = Math.max(head.length, ...cells.map((line) => [...(line[i] ?? '')].length));
    return { name: name === true, width };
  });
  const names = measured.filter((c) => c.name);
  const others = measured.reduce((sum, c) => sum + (c.name ? 0 : c.width) + 2, -2);
  // Each name an equal share of what numbers leave, and what others don't need besides.
  let left = look.columns - others;
  [...names]
    .sort((a, b) => a.width - b.width)
    .forEach((c, n) => {
      c.width = Math.min(c.width, NAME_MOST, Math.max(NAME_LEAST, Math.floor(left / (names.length - n))));
      left -= c.width;
    });
  const line = (texts: readonly string[]): string =>
    measured
      .map(({ name, width }, i) =>
        name ? fit(texts[i] ?? '', width, columns[i]?.sentence === true) : (texts[i] ?? '').padStart(width),
      )
      .join('  ');
  const cut = (text: string): string => [...text].slice(0, look.columns).join('').trimEnd();
  const head = cut(line(columns.map((c) => c.head)));
  const lines = [look.styled ? `\x1b[1m${head}\x1b[0m` : head, ...cells.map((texts) => cut(line(texts)))];
  if (shown.length < rows.length) lines.push(`  and ${rows.length - shown.length} more`);
  return lines;
}

const SORT_KEYS: Record<Exclude<Sort, 'name'>, (b: FlowRates) => number> = {
  ops: (b) => b.opsPerSec,
  read: (b) => b.readPerSec,
  written: (b) => b.writePerSec,
  p99: (b) => b.p99 ?? -1,
};

function byUse<Row extends FlowRates>(rows: Row[], sort: Sort, name: (r: Row) => string): Row[] {
  const alphabetic = (a: Row, b: Row): number => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0);
  if (sort === 'name') return rows.sort(alphabetic);
  const key = SORT_KEYS[sort];
  return rows.sort((a, b) => key(b) - key(a) || alphabetic(a, b));
}

const limits = (t: TenantRow): string =>
  t.limits.map((l) => `${l.ceiling} ${rate(l.ceiling, l.perSec)}`).join(' ') || '–';

interface Of<Row> {
  pid: number;
  row: Row;
}

/** The same with a column for the process, where there are several. */
function withPid<Row>(columns: Column<Row>[], several: boolean): Column<Of<Row>>[] {
  const pid: Column<Of<Row>>[] = several ? [{ head: 'PID', text: (o) => String(o.pid) }] : [];
  return [...pid, ...columns.map((c): Column<Of<Row>> => ({ ...c, text: (o) => c.text(o.row) }))];
}

const BRICKS: Column<BrickRow>[] = [
  { head: 'BRICK', name: true, text: (b) => b.brick },
  { head: 'VOLUME', name: true, text: (b) => b.volume },
  { head: 'STATE', text: (b) => b.state },
  ...flow<BrickRow>(),
  { head: 'CLIENTS', text: (b) => count(b.clients) },
  { head: 'FREE', text: (b) => (b.available === null ? '–' : bytes(b.available)) },
];

const TENANTS: Column<TenantRow>[] = [
  { head: 'VOLUME', name: true, text: (t) => t.volume },
  { head: 'TENANT', name: true, text: (t) => t.tenant },
  { head: 'OPS/S', text: (t) => count(t.opsPerSec) },
  { head: 'BYTES', text: (t) => perSec(t.bytesPerSec) },
  { head: 'CEILINGS', text: limits },
  { head: 'DELAYED/S', text: (t) => count(t.delayedPerSec) },
  { head: 'DELAY', text: (t) => time(t.meanDelay) },
  { head: 'QUEUE', text: (t) => count(t.queued) },
  { head: 'WEIGHT', text: (t) => count(t.weight) },
];

const PROCESSES: Column<Frame>[] = [
  { head: 'PROCESS', text: (f) => String(f.process.pid) },
  { head: 'BRICKS UP', text: (f) => `${f.bricks.filter((b) => b.state === 'up').length} of ${f.bricks.length}` },
  ...flow<Frame & FlowRates>().map((c): Column<Frame> => ({ head: c.head, text: (f) => c.text({ ...f, ...f.total }) })),
  { head: 'CLIENTS', text: (f) => count(f.total.clients) },
  { head: 'CPU', text: (f) => percent(f.process.cpu) },
  { head: 'MEMORY', text: (f) => bytes(f.process.rssBytes) },
  { head: 'UP', text: (f) => span(f.process.upSec) },
];

const SLOW: Column<SlowRow>[] = [
  { head: 'SLOW FOP', text: (s) => s.fop },
  { head: 'PATH', name: true, text: (s) => s.path || '–' },
  { head: 'TIME', text: (s) => `${time(s.sec)}${s.underWay ? ' …' : ''}` },
  { head: 'WHERE IT WENT', name: true, sentence: true, text: (s) => s.waits.join(', ') },
  { head: 'CLIENT', name: true, text: (s) => `${s.client} ${s.peer}` },
];

type WorkerRow = Frame['workers'][number];
const WORKERS: Column<WorkerRow>[] = [
  { head: 'THREAD', text: (w) => (w.thread === 0 ? 'main' : `worker ${w.thread}`) },
  { head: 'BRICKS', text: (w) => count(w.bricks) },
  { head: 'BUSY', text: (w) => percent(w.busy) },
  { head: 'LATE P99', text: (w) => time(w.late) },
  { head: 'MEMORY', text: (w) => bytes(w.heapBytes) },
  { head: 'AT MOST', text: (w) => bytes(w.heapLimitBytes) },
];

function troubles(seen: readonly Seen[]): string[] {
  const lines: string[] = [];
  for (const { where, frame, error } of seen) {
    if (error !== '') lines.push(`${where}: ${error}`);
    if (frame === undefined) continue;
    if (frame.process.glusterd === false) lines.push(`process ${frame.process.pid}: not connected to glusterd`);
    for (const p of frame.problems) if (p.part !== 'bricks') lines.push(p.text);
    for (const u of frame.unapplied) lines.push(`${u.brick}: ${u.text}`);
    for (const b of frame.badOptions) lines.push(`${b.volume}: ${b.option} = ${b.value}: ${b.reason}`);
  }
  return lines.map(safe);
}

/** The lines of one screen. */
export function topLines(seen: readonly Seen[], look: Look): string[] {
  const frames = seen.flatMap((s) => (s.frame === undefined ? [] : [s.frame]));
  const several = frames.length > 1;
  const of = <Row>(rows: (f: Frame) => readonly Row[]): Of<Row>[] =>
    frames.flatMap((f) => rows(f).map((row) => ({ pid: f.process.pid, row })));
  const bricks = of((f) => byUse([...f.bricks], look.sort, (b) => b.brick));
  const order = byUse(
    bricks.map((b) => ({ ...b.row, b })),
    look.sort,
    (b) => b.brick,
  ).map(({ b }) => b);
  const part = Math.max(4, Math.floor(look.rows * SHARE));
  const when = new Date(Math.max(0, ...frames.map((f) => f.at))).toTimeString().slice(0, 8);
  const process = frames[0]?.process;
  const first = process === undefined ? 'brickd top' : `brickd ${process.version} on ${safe(process.host)}, ${when}`;
  const red = (line: string): string => (look.styled ? `\x1b[31m${line}\x1b[0m` : line);
  const above: string[] = [first];
  above.push(
    ...troubles(seen)
      .map((line) => red([...line].slice(0, look.columns).join('')))
      .slice(0, part),
  );
  const block = (lines: string[]): void => {
    if (lines.length > 0) above.push('', ...lines);
  };
  block(
    table(
      PROCESSES,
      [...frames].sort((a, b) => b.total.opsPerSec - a.total.opsPerSec),
      part,
      look,
    ),
  );
  const tenants = of((f) => f.tenants.filter((t) => t.opsPerSec > 0 || t.queued > 0 || t.limits.length > 0));
  block(table(withPid(TENANTS, several), tenants, part, look));
  const slow = of((f) => f.slow.slice(0, SLOW_SHOWN));
  block(table(withPid(SLOW, several), slow, part, look));
  const workers = table(
    withPid(WORKERS, several),
    of((f) => f.workers),
    part,
    look,
  );
  const room = look.rows - above.length - workers.length - 2;
  block(table(withPid(BRICKS, several), order, Math.max(3, room), look));
  block(workers);
  return above.slice(0, look.rows);
}
