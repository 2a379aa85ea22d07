/**
 * `npm run bench`: brickd and stock glusterfsd side by side in one throw-away host, alternating, as a table of ratios.
 *
 *   --rounds N    rounds of all tests, each side once per round (3)
 *   --seconds N   length of one fio run (4)
 *   --only TEXT   only tests whose name contains TEXT (repeatable)
 *   --a, --b P    the brick programs to compare: a path, or "stock" (brickd, stock)
 *   --json FILE   writes all samples there
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string', multiple: true, default: [] },
    a: { type: 'string', default: `${root}brickd/bin/brickd` },
    b: { type: 'string', default: 'stock' },
    json: { type: 'string', default: '' },
    lab: { type: 'string', default: `${root}test/lab/lab` },
  },
});

if (process.getuid?.() !== 0 || !existsSync('/usr/sbin/glusterd') || !existsSync('/usr/bin/fio')) {
  process.stderr.write('the bench needs root, glusterfs-server, glusterfs-client, fio and xfsprogs\n');
  process.exit(2);
}

const inside = [process.execPath, `${root}dist/test/bench/inside.js`, JSON.stringify(values)];
const run = spawnSync(values.lab, ['--timeout', '3600', '--size', '12G', '--', ...inside], { stdio: 'inherit' });
process.exit(run.status ?? 1);
