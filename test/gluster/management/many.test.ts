/** Many bricks in one process: attached and detached over and over without growth, and next to nothing while they are idle. */

import t from 'tap';
import { scenario } from '../scenario.js';

const full = process.env['MANY_CYCLES'] !== undefined || process.env['MANY_BRICKS'] !== undefined;
await scenario(t, 'many', { timeoutS: full ? 3600 : 180, env: passed('MANY_CYCLES', 'MANY_BRICKS') });

function passed(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((n) => (process.env[n] === undefined ? [] : [[n, process.env[n]]])));
}
