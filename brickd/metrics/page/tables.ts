/** The tables of the page: which columns they have, and how a row shows itself. */
import type { BrickRow, ClientRow, FlowRates, FopRow, SlowRow, TenantRow, VolumeRow, WorkerRow } from './frame.js';
import { type Column, Table } from './table.js';
import { bytes, count, percent, rate, time } from './units.js';

/** Rows shown before somebody asks for all. */
const TOP = 20;
const BUSY = 0.9;
const FULL = 0.05;

const number = <Row>(title: string, value: (r: Row) => number | null, show: (n: number) => string): Column<Row> => ({
  title,
  kind: 'number',
  sort: (r) => value(r) ?? -1,
  text: (r) => {
    const n = value(r);
    return n === null ? '–' : show(n);
  },
});

const name = <Row>(title: string, value: (r: Row) => string): Column<Row> => ({
  title,
  kind: 'name',
  sort: value,
  text: value,
});

const perSec = (n: number): string => (n === 0 ? '0' : `${bytes(n)}/s`);

const flow = <Row extends FlowRates>(): Column<Row>[] => [
  number('ops/s', (r) => r.opsPerSec, count),
  number('read', (r) => r.readPerSec, perSec),
  number('written', (r) => r.writePerSec, perSec),
  number('p50', (r) => r.p50, time),
  number('p99', (r) => r.p99, time),
  {
    ...number<Row>('failed/s', (r) => r.failuresPerSec, count),
    hint: () => 'look-ups of names that are not there among them',
  },
  number('under way', (r) => r.underWay, count),
  number('clients', (r) => r.clients, count),
];

function el(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

export const volumes = () =>
  new Table<VolumeRow>(el('volumes'), {
    columns: [
      name('volume', (v) => v.volume || '(none)'),
      {
        ...number<VolumeRow>('bricks up', (v) => v.bricksUp, String),
        text: (v) => `${v.bricksUp} of ${v.bricks}`,
        tone: (v) => (v.bricksUp < v.bricks ? 'warn' : ''),
      },
      ...flow<VolumeRow>(),
      { title: 'QoS', text: (v) => (v.qos ? 'on' : '–') },
    ],
    key: (v) => v.volume,
    sortBy: 'ops/s',
    top: TOP,
    none: 'No volume.',
  });

export const bricks = (onPick: (b: BrickRow) => void) =>
  new Table<BrickRow>(el('bricks'), {
    columns: [
      name('brick', (b) => b.brick),
      name('volume', (b) => b.volume),
      {
        title: 'state',
        text: (b) => b.state,
        sort: (b) => (b.state === 'up' ? 1 : 0),
        tone: (b) => (b.state === 'up' ? 'good' : 'warn'),
      },
      ...flow<BrickRow>(),
      number('open', (b) => b.openFds, count),
      number('disk queue', (b) => b.queued, count),
      number('lock waits', (b) => b.locksWaiting, count),
      {
        ...number<BrickRow>('free', (b) => b.available, bytes),
        tone: (b) => (b.available !== null && b.available < FULL * (b.total ?? 0) ? 'warn' : ''),
        hint: (b) => (b.total === null ? 'not known' : `of ${bytes(b.total)}`),
      },
    ],
    key: (b) => b.brick,
    sortBy: 'ops/s',
    top: TOP,
    onPick,
    none: 'No brick.',
  });

export const fops = () =>
  new Table<FopRow>(el('fops'), {
    columns: [
      { ...name<FopRow>('fop', (f) => f.fop), hint: (f) => (f.isLock ? 'latency holds the wait for the lock' : '') },
      number('ops/s', (f) => f.opsPerSec, count),
      number('p50', (f) => f.p50, time),
      number('p99', (f) => f.p99, time),
      number('failed/s', (f) => f.failuresPerSec, count),
      number('calls', (f) => f.calls, count),
      number('failed', (f) => f.failures, count),
    ],
    key: (f) => f.fop,
    sortBy: 'ops/s',
    top: TOP,
    none: 'Nothing has been called yet.',
  });

export const clients = () =>
  new Table<ClientRow>(el('clients'), {
    columns: [
      name('client', (c) => c.name),
      name('address', (c) => c.peer),
      name('mounted', (c) => c.subdir),
      { title: 'version', text: (c) => c.version },
      number('ops/s', (c) => c.opsPerSec, count),
      {
        ...name<ClientRow>('mostly on', (c) => c.file || '–'),
        hint: (c) => (c.file === '' ? '' : `${percent(c.fileShare)} of its fops`),
      },
      number('received', (c) => c.receivedPerSec, perSec),
      number('sent', (c) => c.sentPerSec, perSec),
      number('under way', (c) => c.underWay, count),
      number('open', (c) => c.openFds, count),
    ],
    key: (c) => `${c.name} ${c.peer}`,
    sortBy: 'ops/s',
    top: TOP,
    none: 'No client.',
  });

/** A line for each place where the fop has waited. */
function fillWaits(cell: HTMLElement, s: SlowRow): void {
  cell.replaceChildren(
    ...s.waits.map((wait) => {
      const line = document.createElement('span');
      line.className = 'wait';
      line.textContent = wait;
      return line;
    }),
  );
}

export const slow = (onPick: (s: SlowRow) => void) =>
  new Table<SlowRow>(el('slow'), {
    columns: [
      { title: 'at', text: (s) => new Date(s.at).toLocaleTimeString() },
      { title: 'fop', text: (s) => s.fop },
      name('path', (s) => s.path || '–'),
      {
        ...number<SlowRow>('time', (s) => s.sec, time),
        tone: (s) => (s.underWay ? 'warn' : ''),
        hint: (s) => (s.underWay ? 'in progress' : s.errno || 'has succeeded'),
      },
      { title: 'where it went', kind: 'name', text: (s) => s.waits.join(', '), fill: fillWaits },
      {
        ...name<SlowRow>('client', (s) => `${s.client} ${s.peer}`),
        hint: (s) => `process ${s.pid}, user ${s.uid}`,
      },
      number('bytes', (s) => (s.size < 0 ? null : s.size), bytes),
      name('brick', (s) => s.brick),
    ],
    key: (s) => `${s.brick}\n${s.number}`,
    top: TOP,
    onPick,
    none: 'No slow fop.',
  });

export const workers = () =>
  new Table<WorkerRow>(el('workers'), {
    columns: [
      { title: 'thread', text: (w) => (w.thread === 0 ? 'main' : `worker ${w.thread}`) },
      number('bricks', (w) => w.bricks, count),
      { ...number<WorkerRow>('busy', (w) => w.busy, percent), tone: (w) => ((w.busy ?? 0) > BUSY ? 'warn' : '') },
      { ...number<WorkerRow>('late p99', (w) => w.late, time), hint: () => 'how much later than due its timers ran' },
      number('memory', (w) => w.heapBytes, bytes),
      number('at most', (w) => w.heapLimitBytes, bytes),
    ],
    key: (w) => String(w.thread),
    none: '',
  });

/** What a tenant makes of a ceiling; only those of all operations or bytes are measured apart. */
function used(t: TenantRow, ceiling: string): number | null {
  if (ceiling === 'ops') return t.opsPerSec;
  return ceiling === 'bytes' ? t.bytesPerSec : null;
}

function limitText(t: TenantRow, l: TenantRow['limits'][number]): string {
  const now = used(t, l.ceiling);
  const most = rate(l.ceiling, l.perSec);
  return now === null ? `${l.ceiling} ${most}` : `${l.ceiling} ${rate(l.ceiling, now)} of ${most}`;
}

/** Each ceiling with a bar of how much of it is used, or of how much of its credit is gone. */
function fillLimits(cell: HTMLElement, t: TenantRow): void {
  cell.replaceChildren(
    ...t.limits.map((l) => {
      const meter = document.createElement('meter');
      const now = used(t, l.ceiling);
      const share = now === null ? 1 - Math.max(0, l.tokens) / l.burst : now / l.perSec;
      meter.max = 1;
      meter.value = share;
      meter.high = 0.95;
      meter.title = `credit ${count(Math.round(l.tokens))} of ${count(l.burst)}`;
      const line = document.createElement('span');
      line.className = 'limit';
      line.append(meter, ` ${limitText(t, l)}`);
      return line;
    }),
  );
  if (t.limits.length === 0) cell.textContent = '–';
}

export const tenants = () =>
  new Table<TenantRow>(el('tenants'), {
    columns: [
      name('volume', (t) => t.volume),
      name('tenant', (t) => t.tenant),
      { title: 'kind', text: (t) => t.kind },
      number('ops/s', (t) => t.opsPerSec, count),
      number('bytes', (t) => t.bytesPerSec, perSec),
      {
        title: 'ceilings',
        text: (t) => t.limits.map((l) => `${limitText(t, l)} ${Math.round(l.tokens)}`).join(', '),
        fill: fillLimits,
      },
      {
        ...number<TenantRow>('delayed/s', (t) => t.delayedPerSec, count),
        tone: (t) => (t.delayedPerSec > 0 ? 'warn' : ''),
      },
      number('mean delay', (t) => t.meanDelay, time),
      { ...number<TenantRow>('queue', (t) => t.queued, count), hint: (t) => bytes(t.queuedBytes) },
      number('weight', (t) => t.weight, count),
      {
        ...number<TenantRow>(
          'floor',
          (t) => t.floor || null,
          (n) => `${count(n)}/s`,
        ),
        tone: (t) => (t.floorRefused === '' ? '' : 'warn'),
        hint: (t) => t.floorRefused,
      },
      number('overdue', (t) => t.overdue, count),
      number('dropped', (t) => t.dropped, count),
    ],
    key: (t) => `${t.volume}\n${t.kind}\n${t.tenant}`,
    top: TOP,
    none: 'No tenant.',
  });
