/**
 * Workers that fail under I/O: bricks of others don't notice, those that are hit come back by themselves.
 * WORKERS_BRICKS, WORKERS_ROUNDS and WORKERS (brick workers) make it longer: by default 6 bricks, 5 failures, 2 workers.
 */
import t from 'tap';
import { scenario, stock } from '../scenario.js';

const env = Object.fromEntries(
  ['WORKERS_BRICKS', 'WORKERS_ROUNDS', 'WORKERS'].flatMap((key) =>
    process.env[key] === undefined ? [] : [[key, process.env[key]]],
  ),
);
const rounds = Number(process.env['WORKERS_ROUNDS'] ?? 5);
const bricks = Number(process.env['WORKERS_BRICKS'] ?? 6);

if (stock) t.test('workers', { skip: 'the original has no workers' }, () => {});
else await scenario(t, 'workers', { timeoutS: 60 + rounds * 12 + bricks * 5, env });
