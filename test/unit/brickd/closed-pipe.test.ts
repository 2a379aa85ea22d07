/** Readers that go before all is said: nothing ends for it, and no stack trace is printed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const PROGRAM = fileURLToPath(new URL('../../../../brickd/bin/brickd', import.meta.url));

/** By env(1): the runner has hooked spawn, and has Node load things into every process. */
function shell(script: string): string {
  const variables = [`PATH=${process.env['PATH']}`, `BRICKD=${PROGRAM}`];
  const run = spawnSync('/usr/bin/env', ['-i', ...variables, 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return run.stderr;
}

for (const words of ['--help', '--version', 'serve --help', 'top --once --url http://127.0.0.1:9']) {
  t.test(words, async (t) => {
    t.equal(shell(`"$BRICKD" ${words} | :`), '');
  });
}

t.test('serve goes on', { skip: process.getuid?.() === 0 ? false : 'needs root' }, async (t) => {
  const folder = mkdtempSync(join('/var/tmp', 'brickd-pipe-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  // One line is read, then nobody listens; the bricks are asked after that.
  const serve = `echo $$ > ${folder}/pid; exec "$BRICKD" serve --data ${folder}/data --port 0 --metrics-port 0 2>${folder}/errors`;
  const script = `
    { sh -c '${serve}'; echo $? > ${folder}/status; } | head -n 1 &
    for i in $(seq 100); do [ -e ${folder}/data/client.vol ] && break; sleep 0.1; done
    sleep 0.5
    kill -TERM $(cat ${folder}/pid); wait`;
  shell(script);
  t.equal(readFileSync(join(folder, 'status'), 'utf8').trim(), '0', 'ends by TERM as it should');
  t.equal(readFileSync(join(folder, 'errors'), 'utf8'), '');
});
