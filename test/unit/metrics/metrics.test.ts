/** The metrics endpoint over a made-up server. */
import t from 'tap';
import { Metrics } from '../../../brickd/metrics/families/registry.js';
import { startMetrics } from '../../../brickd/metrics/http/endpoint.js';
import { bytesOfText } from '../../../native/bytes.js';
import { brick, state, worker } from './fake-stats.js';

async function get(port: number, path: string): Promise<{ status: number; text: string }> {
  const r = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: r.status, text: await r.text() };
}

t.test('metrics and health', async (t) => {
  const all = [brick('/d/a', true), brick('/d/"<b>', false)];
  const source = { stats: async () => [worker(all)], bricks: () => all.map((b) => b.brick), state: () => state(all) };
  const endpoint = await startMetrics(source, '127.0.0.1', 0);
  t.teardown(() => endpoint.close());
  const { text } = await get(endpoint.port, '/metrics');
  const pid = process.pid;
  const up = `gluster_brick_up{cluster_id="",volume="vol",hostname="node-1",brick_path="/d/a",peer_id="",pid="${pid}"} 1\n`;
  t.match(text, up);
  t.match(text, 'brickd_disk_hung{volume="vol",brick_path="/d/a"} 0\n');
  t.match(text, /^gluster_brick_up\{.*brick_path="\/d\/\\"<b>".*\} 0$/m);
  t.match(
    text,
    'gluster_brick_capacity_used_bytes{cluster_id="",host="node-1",id="",brick_path="/d/a",volume="vol",subvolume=""} 400\n',
  );
  const fop = 'volume="vol",brick_path="/d/a",fop="LOOKUP"';
  t.match(text, `brickd_fops_total{${fop}} 12\n`);
  t.match(text, `brickd_fop_failures_total{${fop},errno="ENOENT"} 3\n`);
  t.match(text, `brickd_fop_duration_seconds_bucket{${fop},le="0.00002"} 0\n`);
  t.match(text, `brickd_fop_duration_seconds_bucket{${fop},le="0.00005"} 11\n`);
  t.match(text, `brickd_fop_duration_seconds_bucket{${fop},le="10"} 11\n`);
  t.match(text, `brickd_fop_duration_seconds_bucket{${fop},le="+Inf"} 12\n`);
  t.match(text, `brickd_fop_duration_seconds_count{${fop}} 12\n`);
  t.match(text, 'brickd_client_fops_total{volume="vol",brick_path="/d/a",client="other",peer=""} 3\n');
  const series = text
    .split('\n')
    .filter((l) => l !== '' && !l.startsWith('#'))
    .map((l) => l.replace(/ \S+$/, ''));
  t.equal(new Set(series).size, series.length, 'no series comes twice');
  for (const line of text.split('\n').filter((l) => l !== '')) {
    t.match(line, /^(#.*|[a-z0-9_]+(\{[^}]*\})? [-+.0-9eEa-zA-Z]+)$/, `a line of the format: ${line}`);
  }
  const health = await get(endpoint.port, '/healthz');
  t.equal(health.status, 503);
  t.match(health.text, '/d/"<b>');
  all[1]!.up = true;
  t.equal((await get(endpoint.port, '/healthz')).status, 200);
  t.equal((await get(endpoint.port, '/nowhere')).status, 404);
});

t.test('a worker that does not answer', async (t) => {
  const all = [brick('/d/a', true), brick('/d/b', true)];
  const source = {
    stats: async () => [worker([all[0]!])],
    bricks: () => ['/d/a', '/d/b'].map(bytesOfText),
    state: () => state(all),
  };
  const text = await new Metrics(source).text();
  t.match(text, /^gluster_brick_up\{.*brick_path="\/d\/a".*\} 1$/m);
  t.match(text, /^gluster_brick_up\{.*brick_path="\/d\/b".*\} 0$/m, 'its bricks count as down');
  t.notMatch(text, 'brickd_clients{volume="vol",brick_path="/d/b"}');
  const fresh = await new Metrics({ ...source, bricks: () => ['/d/a'].map(bytesOfText) }).text();
  t.notMatch(fresh, 'brick_path="/d/b"', 'a brick that has just come is not told of yet');
});
