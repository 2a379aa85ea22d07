/** The status page's files, its stream, and health, over made-up servers. */
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { startMetrics } from '../../../brickd/metrics/http/endpoint.js';
import { PAGE_PATHS } from '../../../brickd/metrics/http/page-files.js';
import { MOST_VIEWERS } from '../../../brickd/metrics/live/live.js';
import type { Detail, Frame } from '../../../brickd/metrics/page/frame.js';
import type { BrickStats } from '../../../mux/brick/views/brick-stats.js';
import { brick, state, worker } from './fake-stats.js';

function sourceOf(all: BrickStats[]) {
  const source = {
    asked: 0,
    stats: async () => {
      source.asked++;
      for (const b of all) b.bytesRead += 1000;
      return [worker(all.map((b) => ({ ...b })))];
    },
    bricks: () => all.map((b) => b.brick),
    state: () => state(all),
  };
  return source;
}

/** Events of a stream, as they come. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; data: unknown }> {
  let text = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const parts = text.split('\n\n');
    text = parts.pop()!;
    for (const part of parts) {
      const m = /^event: (\w+)\ndata: (.*)$/.exec(part);
      if (m !== null) yield { name: m[1]!, data: JSON.parse(m[2]!) };
    }
  }
}

t.test('files', async (t) => {
  const endpoint = await startMetrics(sourceOf([]), '127.0.0.1', 0);
  t.teardown(() => endpoint.close());
  const url = `http://127.0.0.1:${endpoint.port}`;
  for (const path of PAGE_PATHS) {
    const r = await fetch(`${url}${path}`);
    t.equal(r.status, 200, path);
    t.match(r.headers.get('content-security-policy'), /^default-src 'self'/, 'nothing comes from elsewhere');
    t.ok((await r.text()).length > 100);
  }
  const page = await (await fetch(`${url}/`)).text();
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((m) => m[1]!);
  t.notMatch(named.join(' '), '//', 'the page names nothing elsewhere');
  for (const path of named.filter((p) => p.startsWith('page/'))) t.ok(PAGE_PATHS.includes(`/${path}`), path);
  t.notOk(
    named.some((p) => p.startsWith('/')),
    'it also works below the node exporter',
  );
  for (const path of PAGE_PATHS.filter((p) => p.endsWith('.js') && p !== '/page/uplot.js')) {
    const script = await (await fetch(`${url}${path}`)).text();
    for (const [, name] of script.matchAll(/from '\.\/([^']+)'/g))
      t.ok(PAGE_PATHS.includes(`/page/${name}`), `${path} imports ${name}`);
    t.notMatch(script, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/, 'names never become markup');
  }
  for (const path of ['/page/', '/page/main.ts', '/page/../page.js', '/page/%2e%2e/page.js', '/page/tsconfig.json'])
    t.equal((await fetch(`${url}${path}`)).status, 404, path);
});

t.test('the stream', async (t) => {
  const ill = '/d/"<b>\n\ndata: x';
  const source = sourceOf([brick('/d/a', true), brick(ill, true)]);
  const endpoint = await startMetrics(source, '127.0.0.1', 0);
  t.teardown(() => endpoint.close());
  await pause(50);
  t.equal(source.asked, 0, 'nothing is gathered while nobody looks');
  const stop = new AbortController();
  const live = `http://127.0.0.1:${endpoint.port}/live`;
  const one = await fetch(`${live}?brick=${encodeURIComponent(ill)}`, { signal: stop.signal });
  t.equal(one.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const two = await fetch(live, { signal: stop.signal });
  const stream = events(one.body!);
  const next = async () => (await stream.next()).value!;
  const first = await next();
  t.equal(first.name, 'frame');
  t.match(first.data as Frame, { span: 0, total: { readPerSec: 0, p99: null } }, 'the first has no rates');
  t.equal((await next()).name, 'detail');
  const frame = (await next()).data as Frame;
  t.ok(frame.span > 0.5 && frame.span < 2, 'then one a second');
  t.ok(Math.abs(frame.total.readPerSec * frame.span - 2000) < 1);
  t.equal(frame.bricks[1]!.brick, ill, 'a name with ends of lines stays one name');
  const detail = (await next()).data as Detail;
  t.equal(detail.brick, ill);
  t.equal(detail.clients[0]!.name, 'fuse');
  const others = events(two.body!);
  for (let event = await others.next(); ; event = await others.next()) {
    if (event.value!.name !== 'detail') continue;
    t.match(event.value!.data, { brick: '', clients: [] }, 'each viewer gets its own detail');
    break;
  }
  t.ok(source.asked <= 4, 'one gatherer for all viewers');
  const more = await Promise.all(
    Array.from({ length: MOST_VIEWERS }, () => fetch(live, { signal: stop.signal }).then((r) => r.status)),
  );
  t.equal(more.filter((s) => s === 503).length, 2, 'so many and no more');
  stop.abort();
  await pause(200);
  const asked = source.asked;
  await pause(1300);
  t.equal(source.asked, asked, 'no gathering once all have gone');
});

t.test('a gathering that fails ends nothing', async (t) => {
  const source = sourceOf([brick('/d/a', true)]);
  const { stats } = source;
  source.stats = async () => {
    if (source.asked++ === 0) throw new Error('no');
    return stats();
  };
  const endpoint = await startMetrics(source, '127.0.0.1', 0);
  t.teardown(() => endpoint.close());
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const { body } = await fetch(`http://127.0.0.1:${endpoint.port}/live`, { signal: stop.signal });
  t.equal((await events(body!).next()).value!.name, 'frame');
});

t.test('health', async (t) => {
  const all = [brick('/d/a', true), brick('/d/b', true)];
  const source = sourceOf(all);
  let attaching = 0;
  source.state = () => ({ ...state(all), attaching });
  const endpoint = await startMetrics(source, '127.0.0.1', 0);
  t.teardown(() => endpoint.close());
  const get = async (path: string) => {
    const r = await fetch(`http://127.0.0.1:${endpoint.port}/healthz${path}`);
    return `${r.status} ${await r.text()}`;
  };
  t.equal(await get('/live'), '200 alive\n');
  t.equal(await get('/ready'), '200 ready: 2 bricks\n');
  attaching = 3;
  t.equal(await get('/ready'), '503 not ready: 3 bricks are starting\n');
  attaching = 0;
  all[1]!.diskHung = true;
  t.equal(await get('/ready'), '503 not ready: the disk of /d/b hangs\n');
  all[1]!.up = false;
  t.equal(await get('/ready'), '503 not ready: /d/b is failed\n');
  t.equal(await get('/live'), '200 alive\n', 'a brick that is down is no reason to kill the others');
  all.length = 0;
  t.equal(await get('/ready'), '503 not ready: there is no brick yet\n');
});
