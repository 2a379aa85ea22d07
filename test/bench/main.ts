/**
 * `npm run bench`: brickd and stock glusterfsd side by side in one throw-away host, alternating, as a table of ratios.
 *
 *   npm run bench -- mux   many bricks in one process: what they cost, and what they do to each other
 *   --bricks N,N  numbers of bricks (1,60,250,1000)
 *   --most N      largest number that the second program is asked to carry (60: stock 10.3 stops at 77)
 *   --settle N    seconds of rest before measuring (25)
 *
 *   npm run bench -- qos   what ceilings, shares and bounds of user/qos hold; plots as SVG
 *   --plots DIR   where plots go (./bench-plots)
 *   --files N     files of the heal (10000); --seconds is 20 here
 *
 *   npm run bench -- healing   how long replicas take to heal many small files (--files) and one of 2 GiB
 *
 *   --rounds N    rounds of all tests, each side once per round (3)
 *   --seconds N   length of one fio run (4)
 *   --only TEXT   only tests whose name contains TEXT (repeatable)
 *   --a, --b P    the brick programs to compare: a path, or "stock" (brickd, stock)
 *   --tls         connections by TLS, with certificates made for the bench
 *   --json FILE   writes all samples there
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withPlots } from './qos/outside.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string' },
    plots: { type: 'string', default: 'bench-plots' },
    files: { type: 'string', default: '10000' },
    only: { type: 'string', multiple: true, default: [] },
    a: { type: 'string', default: `${root}brickd/bin/brickd` },
    b: { type: 'string', default: 'stock' },
    bricks: { type: 'string', default: '1,60,250,1000' },
    most: { type: 'string', default: '60' },
    settle: { type: 'string', default: '25' },
    tls: { type: 'boolean', default: false },
    json: { type: 'string', default: '' },
    lab: { type: 'string', default: `${root}test/lab/lab` },
  },
});

if (process.getuid?.() !== 0 || !existsSync('/usr/sbin/glusterd') || !existsSync('/usr/bin/fio')) {
  process.stderr.write('the bench needs root, glusterfs-server, glusterfs-client, fio and xfsprogs\n');
  process.exit(2);
}

const mux = positionals[0] === 'mux';
const qos = positionals[0] === 'qos';
values.seconds ??= qos ? '20' : '4';
// Many bricks are attached by their process's own main module: there is no glusterd to call the program by its name.
if (mux && values.a !== 'stock') values.a = `${root}dist/brickd/main.js`;
const healing = positionals[0] === 'healing';
const script = mux ? 'many/bench.js' : qos ? 'qos/bench.js' : healing ? 'healing.js' : 'inside.js';
const inside = [process.execPath, `${root}dist/test/bench/${script}`, JSON.stringify(values)];
const lab = ['--timeout', '3600', '--size', '12G', '--', ...inside];
if (qos) process.exit(await withPlots(values.lab, lab, values.plots));
const run = spawnSync(values.lab, lab, { stdio: 'inherit' });
process.exit(run.status ?? 1);
