/** The file of targets, written by several processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { TargetFile } from '../../../brickd/metrics/target-file.js';

const WRITER = fileURLToPath(new URL('./target-writer.js', import.meta.url));

interface Entry {
  targets: string[];
  labels: Record<string, string>;
}
const read = (path: string): Entry[] => JSON.parse(readFileSync(path, 'utf8')) as Entry[];
const targets = (path: string): string[] =>
  read(path)
    .flatMap((e) => e.targets)
    .sort();

async function writer(path: string, port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [WRITER, path, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

t.test('entries come and go with their processes', async (t) => {
  const path = join(t.testdir(), 'run/targets.json');
  const file = new TargetFile(path);
  await file.add(['127.0.0.1:9001'], { rack: '1' });
  t.same(targets(path), ['127.0.0.1:9001']);
  t.equal(read(path)[0]!.labels['rack'], '1');
  const others = await Promise.all([9002, 9003, 9004, 9005].map((port) => writer(path, port)));
  t.same(
    targets(path),
    [9001, 9002, 9003, 9004, 9005].map((p) => `127.0.0.1:${p}`),
    'none overwrites another',
  );
  others[0]!.stdin!.end();
  await once(others[0]!, 'exit');
  t.same(
    targets(path),
    [9001, 9003, 9004, 9005].map((p) => `127.0.0.1:${p}`),
    'removed at the end',
  );
  others[1]!.kill('SIGKILL');
  await once(others[1]!, 'exit');
  t.ok(targets(path).includes('127.0.0.1:9003'), 'a killed one leaves its entry');
  others[2]!.stdin!.end();
  await once(others[2]!, 'exit');
  t.same(targets(path), ['127.0.0.1:9001', '127.0.0.1:9005'], 'which the next writer removes');
  await file.remove();
  t.same(targets(path), ['127.0.0.1:9005']);
  others[3]!.stdin!.end();
  await once(others[3]!, 'exit');
  t.same(read(path), []);
});

t.test('what others have written', async (t) => {
  const path = join(t.testdir(), 'targets.json');
  const foreign = { targets: ['other:1'], labels: { a: 'b' } };
  const reused = { targets: ['old:1'], labels: { __meta_brickd_pid: '1', __meta_brickd_start_time: '0' } };
  writeFileSync(path, JSON.stringify([foreign, reused, 'nonsense']));
  const file = new TargetFile(path);
  await file.add(['127.0.0.1:9001'], {});
  t.same(targets(path), ['127.0.0.1:9001', 'other:1'], 'strangers stay, a process id used again does not');
  await file.remove();
  t.same(targets(path), ['other:1']);
  writeFileSync(path, '{ half');
  await file.add(['127.0.0.1:9001'], {});
  t.same(targets(path), ['127.0.0.1:9001'], 'a broken file is made anew');
  await file.remove();
  t.notOk(existsSync(`${path}.${process.pid}`), 'nothing is left beside it');
  await t.rejects(new TargetFile('/proc/nowhere/targets.json').add(['a:1'], {}));
});
