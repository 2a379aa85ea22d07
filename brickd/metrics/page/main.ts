/** The status page: takes the stream of frames and shows them. */
import { Chart } from './charts.js';
import type { Detail, Frame, Problem } from './frame.js';
import { ALL_FOPS, HeatMap } from './heatmap.js';
import * as tables from './tables.js';
import { bytes, count, span, time } from './units.js';

const el = <E extends HTMLElement = HTMLElement>(id: string): E => document.getElementById(id) as E;
const perSec = (n: number): string => `${bytes(n)}/s`;

/** No frame for that long: the link is told to be lost. */
const SILENCE_MS = 5000;

const charts = [
  new Chart(el('bytes'), {
    lines: [
      { label: 'read', colour: 'one' },
      { label: 'written', colour: 'two' },
    ],
    value: perSec,
    binary: true,
  }),
  new Chart(el('ops'), {
    lines: [
      { label: 'ops/s', colour: 'one' },
      { label: 'failed/s', colour: 'bad' },
      { label: 'delayed/s', colour: 'two' },
    ],
    value: count,
  }),
  new Chart(el('latency'), {
    lines: [
      { label: 'p50', colour: 'one' },
      { label: 'p99', colour: 'two' },
    ],
    value: time,
    log: true,
  }),
];
const heat = new HeatMap(el<HTMLCanvasElement>('heat'), (text) => {
  el('cell').textContent = text;
});
const volumes = tables.volumes();
const bricks = tables.bricks((b) => choose(b.brick === chosen ? '' : b.brick));
const fops = tables.fops();
const clients = tables.clients();
const slow = tables.slow((s) => choose(s.brick === chosen ? '' : s.brick));
const workers = tables.workers();
const tenants = tables.tenants();

let chosen = '';
let stream: EventSource | undefined;
let lastFrameAt = 0;
/** Of the frame that details belong to; 0 if it has no rates yet. */
let frameAt = 0;

const tiles = new Map<string, HTMLElement>();
function tile(label: string, value: string): void {
  let dd = tiles.get(label);
  if (dd === undefined) {
    const div = document.createElement('div');
    const dt = document.createElement('dt');
    dt.textContent = label;
    dd = document.createElement('dd');
    dd.dataset['tile'] = label;
    div.append(dt, dd);
    el('tiles').append(div);
    tiles.set(label, dd);
  }
  dd.textContent = value;
}

function list(id: string, lines: string[]): void {
  const place = el(id);
  const text = lines.join('\n');
  if (place.dataset['text'] === text) return;
  place.dataset['text'] = text;
  place.replaceChildren(
    ...lines.map((line) => {
      const li = document.createElement('li');
      li.textContent = line;
      return li;
    }),
  );
}

/** Where each part of the page is that says more of a problem. */
const PARTS: Readonly<Record<Problem['part'], string>> = {
  '': '',
  bricks: 'bricksPart',
  clients: 'clientsPart',
  slow: 'slowPart',
  fops: 'fopsPart',
  tenants: 'qos',
};

/** Where to go once the details of a brick that was chosen are there. */
let awaited = '';

function goTo(id: string): void {
  awaited = '';
  if (id === '') return;
  el(id).hidden = false;
  el(id).scrollIntoView({ block: 'start' });
}

/** A line for each problem, which leads to what it is about. */
function showProblems(problems: readonly Problem[]): void {
  const text = JSON.stringify(problems);
  const place = el('problems');
  if (place.dataset['text'] === text) return;
  place.dataset['text'] = text;
  el('problemsPart').hidden = problems.length === 0;
  // What is clicked, or has the focus, stays: only what differs is made anew.
  problems.forEach((p, i) => {
    let button = place.children[i]?.firstElementChild as HTMLButtonElement | undefined;
    if (button === undefined) {
      button = document.createElement('button');
      button.type = 'button';
      const li = document.createElement('li');
      li.append(button);
      place.append(li);
    }
    if (button.textContent !== p.text) button.textContent = p.text;
    button.dataset['part'] = p.part;
    button.onclick = () => follow(p);
  });
  while (place.children.length > problems.length) place.lastElementChild?.remove();
}

function follow({ brick, part }: Problem): void {
  if (brick === '' || brick === chosen) {
    goTo(PARTS[part]);
    return;
  }
  choose(brick);
  awaited = PARTS[part];
}

function alerts({ unapplied, process: p }: Frame): string[] {
  const lines: string[] = [];
  for (const u of unapplied) lines.push(`${u.brick}: ${u.text}`);
  if (p.glusterd === false) lines.push('not connected to glusterd');
  if (p.workerFailures > 0) lines.push(`workers that failed and were replaced: ${p.workerFailures}`);
  return lines;
}

function showFrame(f: Frame): void {
  const { process: p, total } = f;
  frameAt = f.span === 0 ? 0 : f.at;
  el('version').textContent = p.version;
  const starting = p.attaching > 0 ? `, ${p.attaching} bricks starting` : '';
  el('process').textContent = `${p.host}, process ${p.pid}, up ${span(p.upSec)}, Node ${p.node}${starting}`;
  document.title = `brickd on ${p.host}`;
  list('alerts', alerts(f));
  showProblems(f.problems);
  tile('ops/s', count(total.opsPerSec));
  tile('read', perSec(total.readPerSec));
  tile('written', perSec(total.writePerSec));
  tile('p50', time(total.p50));
  tile('p99', time(total.p99));
  tile('under way', count(total.underWay));
  tile('bricks up', `${f.bricks.filter((b) => b.state === 'up').length} of ${f.bricks.length}`);
  tile('clients', count(total.clients));
  tile('CPU', `${(p.cpu * 100).toFixed(0)} %`);
  tile('memory', bytes(p.rssBytes));
  const qos = f.tenants.length > 0 || f.badOptions.length > 0;
  el('qos').hidden = !qos;
  if (qos) {
    tile('delayed/s', count(total.delayedPerSec));
    tile('queue', count(total.queued));
    tenants.rows = f.tenants;
    list('bad', [
      ...f.badOptions.map((b) => `${b.volume}: ${b.option} = ${b.value}: ${b.reason}; in effect: ${b.instead}`),
      ...(f.tenantsUntold > 0 ? [`${f.tenantsUntold} more tenants are not shown`] : []),
    ]);
  }
  volumes.rows = f.volumes;
  bricks.rows = f.bricks;
  workers.rows = f.workers;
  // The first frame has no rates yet.
  if (f.span === 0) return;
  const at = f.at / 1000;
  charts[0]?.add(at, [total.readPerSec, total.writePerSec]);
  charts[1]?.add(at, [total.opsPerSec, total.failuresPerSec, total.delayedPerSec]);
  charts[2]?.add(at, [total.p50, total.p99]);
}

function showDetail(d: Detail): void {
  // One that was on its way when another brick was chosen.
  if (d.brick !== chosen) return;
  if (frameAt > 0) heat.add(frameAt, d.bounds, d.fops);
  fops.rows = d.fops;
  el('clientsPart').hidden = d.brick === '';
  clients.rows = d.clients;
  slow.rows = d.slow;
  if (awaited !== '') goTo(awaited);
  const select = el<HTMLSelectElement>('fop');
  const known = new Set([...select.options].map((o) => o.value));
  for (const f of [...d.fops].sort((a, b) => (a.fop < b.fop ? -1 : 1))) {
    if (!known.has(f.fop)) select.add(new Option(f.fop, f.fop));
  }
}

/** brick: '' for all. */
function choose(brick: string): void {
  chosen = brick;
  awaited = '';
  // A brick has an address of its own, to be sent to others.
  const hash = brick === '' ? '' : `#brick=${encodeURIComponent(brick)}`;
  if (location.hash !== hash) history.replaceState(null, '', hash === '' ? location.pathname + location.search : hash);
  const text = brick === '' ? 'all bricks' : brick;
  el('chosen').textContent = text;
  for (const place of document.querySelectorAll('.of')) place.textContent = `of ${text}`;
  el('all').hidden = brick === '';
  bricks.picked = brick === '' ? undefined : brick;
  el('clientsPart').hidden = true;
  heat.clear();
  connect();
}

function connect(): void {
  stream?.close();
  stream = new EventSource(`live?brick=${encodeURIComponent(chosen)}`);
  stream.addEventListener('frame', (e) => {
    lastFrameAt = performance.now();
    showFrame(JSON.parse(e.data) as Frame);
    tellLink(true);
  });
  stream.addEventListener('detail', (e) => showDetail(JSON.parse(e.data) as Detail));
  stream.addEventListener('error', () => tellLink(false));
}

function tellLink(live: boolean): void {
  const place = el('link');
  const text = live ? 'live' : 'no connection';
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle('live', live);
}

el<HTMLSelectElement>('fop').add(new Option('all fops but locks', ALL_FOPS));
el('fop').addEventListener('change', () => {
  heat.fop = el<HTMLSelectElement>('fop').value;
});
el('all').addEventListener('click', () => choose(''));
el('filter').addEventListener('input', () => {
  const words = el<HTMLInputElement>('filter').value.toLowerCase().split(/\s+/);
  bricks.filter = (b) => {
    const text = `${b.brick} ${b.volume} ${b.state}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of charts) chart.redraw();
  heat.draw();
});
setInterval(() => {
  if (performance.now() - lastFrameAt < SILENCE_MS) return;
  tellLink(false);
  // Browsers give up on a stream that was refused.
  if (stream?.readyState === EventSource.CLOSED) connect();
}, SILENCE_MS);
// A page that nobody looks at costs the server nothing.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) stream?.close();
  else connect();
});
/** The brick that the address names. */
const named = (): string => {
  const text = /^#brick=(.*)$/.exec(location.hash)?.[1] ?? '';
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
};
window.addEventListener('hashchange', () => {
  if (named() !== chosen) choose(named());
});
choose(named());
